"""Who holds what among attempts: places under keys, given out in input order whatever came first.

In: claims of attempts by their place among all. Out: answers, each when every earlier attempt has passed its own claim
at the same gate or has ended. So they depend on what the attempts claim alone, and not on when.
"""

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from curate.synth.teacher.effects import Claim


@dataclass
class Claims:
    """Who holds what: for each gate how often each key is held. `granted` are the new ones, by attempt."""

    held: Counter[str] = field(default_factory=Counter)
    granted: dict[int, list[str]] = field(default_factory=dict)

    def decide(self, index: int, claim: Claim) -> bool:
        """Answer a claim whose turn it is."""
        if claim.key is None:
            return True
        text = f"{claim.gate}\0{claim.key}".encode("utf-8", "surrogatepass")
        name = hashlib.blake2b(text, digest_size=12).hexdigest()
        if self.held[name] >= claim.most:
            return False
        self.held[name] += 1
        self.granted.setdefault(index, []).append(name)
        return True


class Gate:
    """Lets attempts pass in input order."""

    def __init__(self) -> None:
        self.waiting: dict[int, Claim] = {}
        self.next = 0

    def open(self, ended: Mapping[int, Any], ended_before: int) -> Iterator[tuple[int, Claim]]:
        """Yield the claims whose turn has come. All below `ended_before`, and all in `ended`, have ended."""
        self.next = max(self.next, ended_before)
        while True:
            if self.next in self.waiting:
                yield self.next, self.waiting.pop(self.next)
            elif self.next not in ended:
                return
            self.next += 1
