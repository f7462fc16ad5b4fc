"""How a command ends: models closed, output written out, and no thread or process of a library left to wait for.

An interpreter waits at its end for every thread that is no daemon, and for every child process; an inference engine
starts both. What closing the models does not end within GRACE_S is cut off: the command has printed its result.
"""

import multiprocessing
import os
import sys
import threading
import time
import traceback
from contextlib import suppress

GRACE_S = 2.0


def let_go(code: int) -> None:
    """Close the models that are open. Leaves the process with `code`, at once, if something would keep it from ending.

    Loads nothing: where no model was opened there is nothing to close.
    """
    door = sys.modules.get("curate.llm.door")
    if door is None:
        return
    try:
        door.close_models()
    except Exception:  # noqa: BLE001 - the result stands, whatever a library says when it is closed
        traceback.print_exc()
    deadline = time.monotonic() + GRACE_S
    while left := _left():
        if time.monotonic() > deadline:
            for child in multiprocessing.active_children():
                child.kill()
            with suppress(OSError, ValueError):  # a pipe that is closed
                sys.stderr.write(f"did not end by itself: {', '.join(left)}\n")
                sys.stdout.flush()
                sys.stderr.flush()
            os._exit(code)
        time.sleep(0.05)


def _left() -> list[str]:
    """Name the threads and children that the interpreter would wait for."""
    threads = [thread for thread in threading.enumerate() if not thread.daemon]
    names = [thread.name for thread in threads if thread is not threading.main_thread()]
    return names + [child.name for child in multiprocessing.active_children()]
