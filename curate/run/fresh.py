"""Worker processes that start afresh: they import what their work needs, and nothing of the program that started them.

The standard library's `spawn` runs the main script again in each worker, so that a script which calls `curate.run`
would have to hide everything behind `if __name__ == "__main__"`. No work of ours is defined in a main script
(curate/plugins/digest.py refuses a stage that is), so workers are started as if there were none.
"""

import sys
from multiprocessing.context import SpawnContext, SpawnProcess
from multiprocessing.popen_spawn_posix import Popen
from types import ModuleType
from typing import Any


class FreshProcess(SpawnProcess):
    """A spawned process that knows no main script."""

    @staticmethod
    def _Popen(process_obj: Any) -> Any:
        main = sys.modules["__main__"]
        sys.modules["__main__"] = ModuleType("__main__")
        try:
            return Popen(process_obj)
        finally:
            sys.modules["__main__"] = main


class Fresh(SpawnContext):
    """The context of such processes."""

    Process = FreshProcess
