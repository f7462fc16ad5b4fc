"""Looking at one stage before running it: `curate preview RECIPE STAGE`.

In: a recipe and the name of one of its stages. Out: a few documents before and after that stage, each with the reason
for which it was kept as it is, changed or dropped. All of it happens in a folder that is gone afterwards; the run's
directory is read where a stage above stands complete there, and is never written.
"""
