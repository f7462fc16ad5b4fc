"""The walls around a sample: namespaces, Landlock, seccomp, limits, an empty folder.

In: a level (isolation.py has three) and limits. Out: a process that can do nothing but compute, or the reason why this
machine cannot give that. kernel.py makes the calls that Python lacks; seccomp.py assembles the filter of system calls.
"""
