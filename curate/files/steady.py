"""Reading from stores that fail now and then: what may pass is tried again, and what does not pass is told in one line.

Stores fail in many ways (an OSError, an error of their client's own, a body that ends early), none of which says
anything about a document. So each call is made up to ATTEMPTS times with growing pauses, on top of what the store's
client tries itself, and a file is read by ranges whose lengths are checked against its size.
"""

import io
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

from tenacity import Retrying, retry_if_exception, stop_after_attempt, stop_after_delay, wait_exponential_jitter

from curate.errors import Trouble, UserError

Result = TypeVar("Result")
ATTEMPTS = 3
PATIENCE_S = 30
BLOCK_BYTES = 1 << 23
"""What is fetched at once; the default of S3 is 50 MB for each open file."""
FINAL = (FileNotFoundError, PermissionError, NotADirectoryError, IsADirectoryError, NotImplementedError, ImportError)
"""What will be no better the next time."""


def patiently(action: Callable[[], Result], url: str) -> Result:
    """Do something with a store, again where it may pass. Raises FileNotFoundError, UserError or Trouble."""
    pauses = wait_exponential_jitter(multiplier=0.2, max=8)
    stop = stop_after_attempt(ATTEMPTS) | stop_after_delay(PATIENCE_S)
    try:
        return Retrying(stop=stop, wait=pauses, retry=retry_if_exception(_may_pass), reraise=True)(action)
    except (UserError, Trouble):
        raise
    except Exception as error:
        if isinstance(error, FileNotFoundError) and not _may_pass(error):
            raise
        raise _told(error, url) from error


def _may_pass(error: BaseException) -> bool:
    if isinstance(error, FileNotFoundError):  # which fsspec makes of whatever a web server or the way to it gives
        cause = error.__cause__
        return getattr(cause, "status", 0) >= 500 or (isinstance(cause, OSError) and not isinstance(cause, FINAL))
    return isinstance(error, Exception) and not isinstance(error, FINAL) and not _is_mistake(error)


def _is_mistake(error: BaseException) -> bool:
    """Tell whether the store's client had nothing to sign in with, or was given no name that a store can have.

    Each client has an error of its own for that.
    """
    kind, text = type(error).__name__, str(error)
    return "Credentials" in kind or "Validation" in kind or "InvalidAccessKeyId" in text or "validation failed" in text


def _told(error: Exception, url: str) -> UserError | Trouble:
    why = " ".join(str(error).split())[:300] or type(error).__name__
    cause = error.__cause__
    if isinstance(error, FileNotFoundError) and cause is not None:
        why = " ".join(str(cause).split())[:300] or type(cause).__name__
    elif isinstance(error, FINAL) or _is_mistake(error):
        return UserError(f"cannot read {url}: {why}; check the name, and the credentials in the environment")
    return Trouble(f"cannot read {url}: {why} ({ATTEMPTS} attempts); run again when the store answers")


class SteadyFile(io.RawIOBase):
    """A file of a store, read by ranges. Each is tried again where it fails, or ends before the file does."""

    def __init__(self, system: Any, path: str, url: str) -> None:
        self._system, self._path, self._url = system, path, url
        self._file: Any = None
        self._place = 0
        self._size: int | None = self._try(lambda: system.info(path).get("size"))

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is, where the store knows its size."""
        return self._size is not None

    def tell(self) -> int:
        """Return the offset of the next byte."""
        return self._place

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to an offset from the start, from here, or from the end."""
        if self._size is None:
            raise io.UnsupportedOperation("seek")
        self._place = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._place, io.SEEK_END: self._size}[whence]
        return self._place

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer as far as one range goes; 0 only at the file's end."""
        wanted = len(buffer) if self._size is None else min(len(buffer), self._size - self._place)
        if wanted <= 0:
            return 0
        data: bytes = self._try(partial(self._range, wanted))
        buffer[: len(data)] = data
        self._place += len(data)
        return len(data)

    def close(self) -> None:
        """Let go of the store's own file."""
        self._let_go()
        super().close()

    def _try(self, action: Callable[[], Result]) -> Result:
        try:
            return patiently(action, self._url)
        except FileNotFoundError as error:
            raise Trouble(f"{self._url} is gone since it was listed; run again to read what is there now") from error

    def _range(self, wanted: int) -> bytes:
        try:
            if self._file is None:
                self._file = self._system.open(self._path, "rb", block_size=BLOCK_BYTES)
            if self._file.tell() != self._place:
                self._file.seek(self._place)
            data = bytes(self._file.read(wanted))
            if not data and self._size is not None:
                raise EOFError(f"it ended at byte {self._place:,} of {self._size:,}")
        except BaseException:
            self._let_go()  # what it holds in its cache may be cut
            raise
        return data

    def _let_go(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            file.close()
