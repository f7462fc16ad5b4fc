"""Making: seeds, textbooks and exercises, verified by running them.

In: documents to learn from, a teacher. Out: seeds/ say what to ask about, teacher/ drives thousands of attempts at
once, exercise/ and section/ are the course of one, code/ reads real code, item/ holds what was verified and prints it.
"""
