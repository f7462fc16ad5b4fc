"""Decoding on a GPU: a table of slots, one sequence each, all of which go on by one token in one step.

In: rows (prompt ids, how to sample, when to stop). Out: the rows that ended, with the ids that were added. What makes
it fast: the step of a small model costs its 400 launches and hardly its arithmetic, so hundreds of sequences share one,
and a CUDA graph launches them all at once (`curate.llm.decoding.slot_table`); a slot whose sequence ended takes the
next one, so that no step is half empty.

A row's draws come from its own seed, so what it gets depends on its neighbours only by the rounding of matrix products.
Not covered: models with other than full attention, whose caches have another shape, and several GPUs.
"""

from collections.abc import Sequence
from typing import Any, Generic, TypeVar

import torch

from curate.llm.decoding.decode import Row, chances, extend
from curate.llm.decoding.sampling import draw
from curate.llm.decoding.slot_table import Table, cache_of, room_for

SLOTS = 512
FEWEST = 16
"""Steps are of this many slots, or a multiple of it by a power of two."""
LENGTH = 256
"""Steps look at so many tokens of each slot, or a multiple: one CUDA graph for each number of slots and of tokens."""
ENOUGH = 16
"""Rows wait until one slot in so many is free, so that prompts are computed together."""
Tag = TypeVar("Tag")


class Slots(Generic[Tag]):
    """Rows on their way through one model. Rows come with a tag and leave with it.

    `most` is how many go on at once, where memory allows.
    """

    def __init__(self, model: Any, end_ids: frozenset[int], most: int = SLOTS, *, graphs: bool = True) -> None:
        self.model, self.end_ids, self.most, self.graphs = model, end_ids, most, graphs
        self.waiting: list[tuple[Tag, Row]] = []
        """The longest prompt last."""
        self.live: dict[int, tuple[Tag, Row]] = {}
        self.table: Table | None = None

    def submit(self, rows: Sequence[tuple[Tag, Row]]) -> None:
        """Add rows."""
        self.waiting += rows
        self.waiting.sort(key=lambda pair: (len(pair[1].prompt), pair[1].prompt))

    @property
    def told(self) -> str:
        """In words, how it decodes."""
        if self.table is None:
            return ""
        graphs = self.table.captured
        how = f"no CUDA graphs: {self.table.why_not_captured}" if graphs is None else f"{len(graphs)} CUDA graphs"
        return f"{self.table.slots} slots of {self.table.length} tokens, {how}"

    @property
    def busy(self) -> bool:
        """Whether a row is on its way or waits."""
        return bool(self.waiting or self.live)

    @torch.inference_mode()
    def drop(self) -> None:
        """Forget all rows."""
        self.waiting, self.live = [], {}
        if self.table is not None:
            for each in (self.going, self.taken, self.settings, self.table.positions):
                each.zero_()

    @torch.inference_mode()
    def step(self) -> list[tuple[Tag, Row]]:
        """Add one token to every row, and return those that ended with it."""
        self._refill()
        table = self._table()
        slots, length = self._extent(table)
        logits = table.step(slots, length)
        uniform = self.uniform[:slots].gather(1, self.taken[:slots]).squeeze(1)
        tokens = draw(logits, self.settings[:slots, 0], self.settings[:slots, 1], uniform)
        going = self.going[:slots]
        table.tokens[:slots, 0] = tokens
        table.positions[:slots] += going
        self.taken[:slots] += going
        told = tokens.tolist()
        ended = [slot for slot, (_, row) in self.live.items() if not extend(row, told[slot], self.end_ids)]
        if not ended:
            return []
        index = torch.tensor(ended, device=tokens.device)
        for each in (self.going, self.taken, self.settings, table.positions):
            each[index] = 0
        return [self.live.pop(slot) for slot in ended]

    def _table(self) -> Table:
        assert self.table is not None
        return self.table

    def _extent(self, table: Table) -> tuple[int, int]:
        """Return how many slots, and how many tokens of each, the next step looks at."""
        last = max(self.live)
        if not self.waiting and _power(len(self.live)) < _power(last + 1):
            last = self._gather(table)
        longest = max(len(row.prompt) + len(row.ids) for _, row in self.live.values())
        return min(_power(last + 1), table.slots), min(-(-longest // LENGTH) * LENGTH, table.length)

    def _gather(self, table: Table) -> int:
        """Move the living rows to the first slots; return the last of these."""
        count = len(self.live)
        sources = [slot for slot in self.live if slot >= count]
        targets = [slot for slot in range(count) if slot not in self.live]
        table.move(sources, targets)
        of, to = (torch.tensor(each, device=table.places.device) for each in (sources, targets))
        for each in (self.going, self.taken, self.settings, self.uniform):
            each[to] = each[of]
        for each in (self.going, self.taken, self.settings, table.positions):
            each[of] = 0
        for source, target in zip(sources, targets, strict=True):
            self.live[target] = self.live.pop(source)
        return count - 1

    def _refill(self) -> None:
        """Give free slots to rows that wait."""
        if not self.live and self.waiting:
            self._make_room()
        table = self._table()
        free = [slot for slot in range(table.slots) if slot not in self.live]
        if not self.waiting or (self.live and len(free) * ENOUGH < table.slots):
            return
        taken: list[tuple[Tag, Row]] = []
        left: list[tuple[Tag, Row]] = []
        for pair in reversed(self.waiting):
            fits = len(taken) < len(free) and _size(pair[1]) <= table.length
            (taken if fits else left).append(pair)
        if not taken:
            return
        self.waiting = left[::-1]
        slots = free[: len(taken)]
        table.fill(slots, [row.prompt for _, row in taken])
        device = table.places.device
        index = torch.tensor(slots, device=device)
        self.settings[index] = torch.tensor([[row.temperature, row.top_p] for _, row in taken], device=device)
        for slot, pair in zip(slots, taken, strict=True):
            self.live[slot] = pair
        drawn = torch.zeros(len(taken), self.uniform.shape[1])
        for place, (_, row) in zip(drawn, taken, strict=True):
            if row.temperature > 0:
                place[: row.max_tokens] = chances(row, row.max_tokens)
        self.uniform[index], self.taken[index], self.going[index] = drawn.to(device), 0, 1

    def _make_room(self) -> None:
        """Set up a table for the longest row that waits, unless there is one."""
        need = max(_size(row) for _, row in self.waiting)
        if self.table is not None and need <= self.table.length:
            return
        self.table = None
        length = -(-need // LENGTH) * LENGTH
        like = cache_of(self.model, 1)
        device = self.model.device
        slots = room_for(like, length, device, self.most)
        table = Table(self.model, like, slots, length)
        if not self.graphs and table.captured is not None:
            table.captured, table.why_not_captured = None, "not asked for"
        self.table = table
        self.settings = torch.zeros(slots, 2, device=device)
        """Temperature and top_p."""
        self.uniform = torch.zeros(slots, length, device=device)
        self.taken, self.going = (torch.zeros(slots, 1, dtype=torch.long, device=device) for _ in range(2))


def _size(row: Row) -> int:
    return len(row.prompt) + row.max_tokens


def _power(count: int) -> int:
    """Return the number of slots that a step for so many looks at."""
    return max(FEWEST, 1 << (count - 1).bit_length())
