"""What a recipe will take, before it runs: documents, text, time, tokens, GPU hours, dollars and disk, stage by stage.

In: a recipe with its run directory, and the runs beside it. Out: a `Forecast` a stage, which `curate plan` prints.
Every figure rests on something that was measured: an earlier run on this machine, or a committed benchmark whose figure
travels in `rates.json` (`python -m benchmarks.rates`). Where neither has one, it is not known, and that is said.
"""
