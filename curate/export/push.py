"""A folder to the Hugging Face hub, in one commit through huggingface_hub.

In: a folder that was exported, and a name there. Out: the address of the commit. Large files are sent first, one after
the other, and the commit that makes them visible last, so that what breaks off shows nobody half a data set; what was
sent is not sent again. Files of an earlier export that this one does not have are removed in the same commit. Whatever
goes wrong is one line, and the folder on this machine stays as it is.
"""

import fnmatch
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from curate.errors import UserError
from curate.machine.network import unreachable_hub
from curate.progress import Progress
from curate.terminal import display

STALE = {"dataset": ("data/train-*.parquet", "data/train-*.jsonl"), "model": ("*.safetensors",)}
AGAIN = "the same command again sends it"
WHY = {
    400: "it does not accept what was sent",
    401: "the token is not valid; set HF_TOKEN to one that may write, or log in with `hf auth login`",
    403: "the token may not write there; set HF_TOKEN to one that may, or choose another name",
    404: "there is no such owner or repository, or the token may not see it; check the name",
    409: f"it was changed from elsewhere at the same time; {AGAIN}",
    412: f"it was changed from elsewhere at the same time; {AGAIN}",
    413: "a file is too large for it; lower --shard-mb",
    429: f"it asks for a pause; {AGAIN} later",
}


def check_push(name: str) -> None:
    """Raise UserError before any work for a name that is none, a missing or refused token, a hub out of reach."""
    from huggingface_hub import HfApi, get_token
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils._validators import validate_repo_id

    try:
        validate_repo_id(name)
    except HFValidationError as error:
        raise UserError(f"--push {name!r}: that is no name on the hub; write it as owner/name") from error
    if "/" not in name:
        raise UserError(f"--push {name!r}: whose? write it as owner/name")
    if (why := unreachable_hub()) is not None:
        raise UserError(f"--push {name}: the hub does not answer ({why}); check the network, or leave --push")
    if get_token() is None:
        raise UserError(f"--push {name}: no token; set HF_TOKEN to one that may write, or log in with `hf auth login`")
    with _told(name, "nothing was written"):
        HfApi().whoami()


def push(folder: Path, name: str, kind: str, *, public: bool, progress: Progress) -> str:
    """Send a folder; `kind` is `dataset` or `model`. Returns the commit's address. Raises UserError."""
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi
    from huggingface_hub.utils.tqdm import disable_progress_bars

    disable_progress_bars()
    logging.getLogger("huggingface_hub").setLevel(logging.ERROR)
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    added = [CommitOperationAdd(path.relative_to(folder).as_posix(), str(path)) for path in paths]
    sizes = [path.stat().st_size for path in paths]
    api = HfApi()
    with _told(name, f"{folder} is whole"):
        api.create_repo(name, repo_type=kind, private=not public, exist_ok=True)
        before = api.repo_info(name, repo_type=kind)
        there = [file.rfilename for file in getattr(before, "siblings", None) or ()]
        for number, each in enumerate(added):
            progress.update(sum(sizes[:number]), sum(sizes), "bytes sent")
            api.preupload_lfs_files(name, [each], repo_type=kind, free_memory=False)
        new = {each.path_in_repo for each in added}
        gone = [path for path in there if path not in new and any(fnmatch.fnmatch(path, p) for p in STALE[kind])]
        operations: list[Any] = [*added, *(CommitOperationDelete(path) for path in gone)]
        done = api.create_commit(
            name, operations, repo_type=kind, commit_message="Export by curate", parent_commit=before.sha
        )
        progress.update(sum(sizes), sum(sizes), "bytes sent")
    return str(done.commit_url)


@contextmanager
def _told(name: str, stands: str) -> Iterator[None]:
    """Turn what the hub or the network refuses into one line that says what stands."""
    from huggingface_hub.errors import HfHubHTTPError

    network: Any = HfHubHTTPError.__mro__[1]  # the root of what its HTTP library raises, whichever that is
    try:
        yield
    except HfHubHTTPError as error:
        code = error.response.status_code
        why = WHY.get(code, f"{AGAIN} later" if code >= 500 else "see what it says")
        said = display.one_line(error.server_message or "", 200)
        raise UserError(
            f"--push {name}: the hub answered {code}{f' ({said})' if said else ''}: {why}; {stands}"
        ) from error
    except (network, OSError, ValueError, RuntimeError) as error:
        cause = error.__cause__ if isinstance(error, RuntimeError) and error.__cause__ else error
        said = display.one_line(str(cause) or type(cause).__name__, 200)
        raise UserError(f"--push {name}: {said}; {AGAIN}; {stands}") from error
