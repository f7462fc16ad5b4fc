"""What costs time and never changes is kept in the user's cache folder: reference values and reference times.

In: a kind of fact and everything that decides it. Out: the fact, if it was kept before. Entries are small JSON files,
one a task, written atomically; the folder may be removed at any time.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

from curate.files.cache import folder
from curate.files.shards import write_json


def place(kind: str, *decided_by: Any) -> Path:
    """Return where a fact is kept that these values decide."""
    key = hashlib.sha256(json.dumps(decided_by, sort_keys=True).encode()).hexdigest()
    return folder() / kind / f"{key[:32]}.json"


def recall(path: Path) -> Any:
    """Return the fact kept there, or None. A torn or foreign file is no fact."""
    try:
        return json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None


def keep(path: Path, fact: Any) -> None:
    """Keep a fact."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_json(fact, path)
