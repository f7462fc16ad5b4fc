"""How far a stage is, and how long the rest takes: what the bar, the log of a pipe and their words are made from."""

import time

from curate.records.receipts import Receipt
from curate.terminal import display


class Pace:
    """How far the work at hand is, and how long the rest takes at the pace since it began.

    Work has units (shards), and one unit may say how far it is within itself; where all units are worked on in one
    stream (`whole`), what it says is of all of them.
    """

    def __init__(self, phase: str, total: int, done: int, *, whole: bool = False) -> None:
        self.phase, self.total, self.done, self.whole = phase, total, done, whole
        self._stood = done
        self.rows = 0
        self.inner: tuple[float, float, str] = (0, 0, "")
        self.began = time.monotonic()
        self._base = float(done)

    @property
    def elapsed_s(self) -> float:
        """Seconds since the work began."""
        return time.monotonic() - self.began

    @property
    def share(self) -> float | None:
        """Return the part of all units that is done, None where nobody knows."""
        if self.total == 1 and not self.inner[1] and self.done < 1:
            return None  # one unit that has said nothing
        return self._position() / self.total if self.total else 1.0

    def step(self, receipt: Receipt | None) -> None:
        """One unit is done."""
        self.done += 1
        self.rows += receipt.rows_in if receipt else 0
        if not self.whole:
            self.inner = (0, 0, "")

    def within(self, done: float, total: float, note: str) -> None:
        """The unit at work says how far it is. What begins anew, or has another total, has a pace of its own."""
        before, total_before, _ = self.inner
        self.inner = (done, total, note)
        if self.total == 1 and (total != total_before or done < before):
            self.began, self._base = time.monotonic(), self._position()

    def left_s(self) -> float | None:
        """Return the seconds until all is done, None before there is a pace."""
        moved = self._position() - self._base
        return (self.total - self._position()) * self.elapsed_s / moved if moved > 0 else None

    def words(self) -> list[str]:
        """Say how far it is, the most telling part first."""
        done, total, note = self.inner
        parts = [] if self.total == 1 else [f"{self.phase or 'shard'} {self.done}/{self.total}"]
        if self.total == 1 and self.phase:
            parts.append(self.phase)
        if total:
            parts.append(f"{display.number(done)}/{display.number(total)}" + (f" {note}" if note else ""))
        elif note:
            parts.append(note)
        if self.rows:
            parts.append(f"{display.number(round(self.rows / max(self.elapsed_s, 1e-3)))} rows/s")
        return [word for part in parts for word in part.split(", ")]

    def _position(self) -> float:
        done, total, _ = self.inner
        inside = min(done / total, 1.0) if total else 0.0
        if self.whole and total:
            return self._stood + inside * (self.total - self._stood)
        return self.done + inside
