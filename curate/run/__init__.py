"""From a recipe to a finished run.

In: a checked recipe (curate/recipe.py) and the directory where runs live. Out: a run directory in which every shard of
every stage has its receipt. opened.py names its places, runner.py takes stage after stage, stage_run.py brings one to
completion, work.py does the work on one shard inside an engine (engines.py), journal.py writes down what happened.
plan.py looks before running, starters.py writes recipes to begin with, prune.py makes room afterwards.

`from curate import run` gives this package as soon as a part of it is imported, so it can be called: `run(recipe)` is
`curate.api.run`.
"""

import sys
from importlib import import_module
from types import ModuleType
from typing import Any


class _Run(ModuleType):
    def __call__(self, *arguments: Any, **options: Any) -> Any:
        """Run a recipe (see `curate.api.run`)."""
        return import_module("curate.api").run(*arguments, **options)


sys.modules[__name__].__class__ = _Run
