"""What is nobody's business: keys, passwords, addresses.

In: texts. Out: the spans of what an issuer marks (keys.py), what its name tells (named.py), addresses (addresses.py);
the stage filter.secrets puts placeholders there, or drops the document.
"""
