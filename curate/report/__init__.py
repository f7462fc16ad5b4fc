"""Reading a run: the report, what each stage changed, and the documents.

In: a run directory, nothing else. Out: report.html and report.md (write.py gathers, page.py renders templates/), a
profile of the documents before and after each stage (quality_report.py), and documents in a terminal (documents/).
What stages have found is dug out by findings.py, dropped.py, corpus.py and scorecard.py, and drawn by plots.py.
"""
