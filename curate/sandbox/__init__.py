"""The inside of the sandbox: the fork server, the judge, the sample, and the walls between them.

Loaded in processes beside untrusted code, so nothing here imports more than the standard library.
"""
