"""Measuring: tasks and protocols, generation, scoring, pass@k.

In: a model, and benchmarks, protocols or files of tasks. Out: samples, verdicts, `scores.json`. code.py is the stage
and `curate eval`; subject.py is what is scored, exam.py on what; asking/ gets samples, judging/ gives verdicts.
"""
