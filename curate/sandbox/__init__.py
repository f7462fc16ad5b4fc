"""The sandbox: programs that nobody trusts run in processes that hold no test and reach nothing.

In: whole programs, with a test or with the arguments of calls. Out: a verdict, or plain values. programs.py is what
others import; pool.py keeps fork servers (zygote.py), each of which starts a judge.py and a sample.py for a program.
What they say to each other goes through session.py and values.py, and the walls around the sample stand in walls/.
This file imports nothing: a fork server loads as little as can be.
"""
