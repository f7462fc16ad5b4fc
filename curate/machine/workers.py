"""How a worker's process begins: it leaves Ctrl-C to the one that started it, and ends when that one is gone."""

import multiprocessing
import os
import signal
import threading
import warnings
from multiprocessing.connection import wait


def start_worker() -> None:
    """Leave Ctrl-C to the parent, die with it, and use one thread: there is a worker for each core."""
    import pyarrow

    warnings.filterwarnings("ignore", category=SyntaxWarning)  # of code that is read, here and in lanes
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    pyarrow.set_cpu_count(1)
    pyarrow.set_io_thread_count(1)
    threading.Thread(target=_die_with_parent, daemon=True).start()


def _die_with_parent() -> None:
    """End this process when the parent is gone, also after kill -9, so that no orphan writes into a run."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)
