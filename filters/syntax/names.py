"""Which names a string literal is given to, by the syntax tree: so `filter.secrets` asks about one that looks random.

In: the tree of a text (filters/syntax/nodes.py) and the literal's item in it. Out: groups of names, the nearest first.
A name is that of a variable, an attribute, a parameter, a keyword, a function that returns the literal, a key of a
dictionary or a subscript, of an environment variable, an option or a setting; or that of the function which receives
it. Values go through what only hands them on (`x or "..."`, `str("...")`, `f"..."`, `"...".encode()`, a tuple), and on
from `default=` to what has it. Not followed: what a variable holds when it is used later.
"""

from collections.abc import Iterator

from curate.filters.syntax.nodes import BYTES, Nodes
from curate.filters.syntax.tree import BLOCK, CALL, CLASS, F_STRING, FUNCTION, LAMBDA, LIST, MEMBER, NAME, STRING, TEXT

ASSIGNMENT, TUPLE, INDEX, RETURN, COMPARISON, DICT, WALRUS, CONDITIONAL, AUGMENTED, STAR, FOR = (
    169, 170, 172, 175, 177, 183, 208, 203, 200, 209, 198,
)  # fmt: skip
OPERATION, LIST_DISPLAY, SET_DISPLAY, CHOICE, UNARY, AWAIT, INTERPOLATION = 166, 173, 174, 178, 182, 213, 206
THROUGH = {OPERATION, LIST_DISPLAY, SET_DISPLAY, CHOICE, UNARY, AWAIT, STAR, F_STRING, INTERPOLATION, MEMBER}
"""What hands a value on."""
HOLDERS = frozenset(
    ["default", "default_value", "default_factory", "value", "val", "initial", "fallback", "const", "example", "raw",
     "content", "data", "literal", "string"]
)  # fmt: skip
"""Keywords and keys that say only that something has this value: what has it is a step further."""
STEPS = 12
"""How far a value is followed."""
NEAREST = 8
"""So many targets, operands and arguments before a value are asked for names."""


class Names:
    """Finds the names of literals in one tree."""

    def __init__(self, nodes: Nodes) -> None:
        self.nodes = nodes
        self.known: dict[int, tuple[list[int], dict[int, int]]] = {}
        self.keywords: dict[int, list[int]] = {}
        self.keys: dict[int, dict[int, int]] = {}

    def of(self, item: int) -> Iterator[list[str]]:
        """Yield groups of names that a literal is given to, the nearest first."""
        child = item
        unpacked: int | None = None
        for _ in range(STEPS):
            parent = int(self.nodes.parents[child])
            if parent < 0:
                return
            names, goes_on = self._step(child, parent, unpacked)
            if names:
                yield names
            if not goes_on:
                return
            unpacked = self._place(child, parent)[1] if self.nodes.tags[parent] in (TUPLE, LIST_DISPLAY) else None
            child = parent

    def _step(self, child: int, parent: int, unpacked: int | None) -> tuple[list[str], bool]:
        """Return the names that a node gives to what stands in it, and whether it hands it on."""
        tag = int(self.nodes.tags[parent])
        inner, place = self._place(child, parent)
        names: list[str] = []
        goes_on = tag in THROUGH or tag == TUPLE or (tag == CONDITIONAL and place != 1)
        if tag in (ASSIGNMENT, AUGMENTED, WALRUS):
            names = self._targets(inner, place, parent, unpacked)
        elif tag == CALL:
            names, goes_on = self._argument(parent, inner, place)
        elif tag == DICT:
            names, goes_on = self._entry(parent, child)
        elif tag == COMPARISON:
            names = [name for other in inner[:NEAREST] if other != child for name in self._names(other)]
        elif tag == TUPLE and len(inner) == 2 and place == 1 and self.nodes.tags[inner[0]] in (TEXT, BYTES):
            names = self._names(inner[0])
        elif tag in (FUNCTION, LAMBDA, CLASS):
            names, goes_on = self._parameter(child, parent)
        elif tag in (RETURN, BLOCK):
            goes_on = tag == RETURN or bool(self.nodes.tags[child] == RETURN)
        elif tag == FOR and place == 1:
            names = self._names(inner[0])
        return names, goes_on

    def _place(self, child: int, parent: int) -> tuple[list[int], int]:
        """Return the nodes that stand directly in one, and which of them the child is."""
        if parent not in self.known:
            children = self.nodes.children(parent).tolist()
            inner = [item for item in children if self.nodes.tags[item] > LIST]
            self.known[parent] = inner, {item: place for place, item in enumerate(inner)}
        inner, places = self.known[parent]
        return inner, places.get(child, -1)

    def _targets(self, inner: list[int], place: int, parent: int, unpacked: int | None) -> list[str]:
        """Return the names of what a value is assigned to."""
        count = 1
        if self.nodes.tags[parent] == ASSIGNMENT:
            count = int(self.nodes.items[self.nodes.children(parent)[0], 2])
        found = []
        for target in inner[: min(count, place, NEAREST)]:
            if unpacked is not None and self.nodes.tags[target] in (TUPLE, LIST_DISPLAY):
                parts = self._place(-1, target)[0]
                found += self._names(parts[unpacked]) if unpacked < len(parts) else []
            else:
                found += self._names(target)
        return found

    def _argument(self, call: int, inner: list[int], place: int) -> tuple[list[str], bool]:
        """Return the names of an argument: its keyword, or the function and the strings before it."""
        if place == 0:
            return [], True  # what is called: "...".encode()
        if call not in self.keywords:
            marks = [item for item in self.nodes.children(call).tolist() if self.nodes.tags[item] <= LIST]
            self.keywords[call] = marks[2:]  # behind the lengths of both lists
        keywords = self.keywords[call]
        mark = keywords[place - 1] if place - 1 < len(keywords) else -1
        before = [
            name for item in inner[max(1, place - NEAREST) : place] if self.nodes.tags[item] == TEXT
            for name in self._names(item)
        ]  # fmt: skip
        function = self._names(inner[0])[-1:]
        if mark >= 0 and self.nodes.tags[mark] == STRING:
            keyword = self.nodes.string(mark)
            return ([keyword], False) if keyword.lower() not in HOLDERS else ([*before, *function], True)
        return [*before, *function], True

    def _entry(self, display: int, child: int) -> tuple[list[str], bool]:
        """Return the name of a dictionary's value: its key."""
        if display not in self.keys:
            self.keys[display] = self._key_of_each_value(display)
        key = self.keys[display].get(child, -1)
        names = self._names(key) if key >= 0 else []
        return names, bool(names) and names[-1].lower() in HOLDERS

    def _key_of_each_value(self, display: int) -> dict[int, int]:
        """Return the key of each value: after the number of keys each follows a yes, `**` is a no; then the values."""
        children = self.nodes.children(display).tolist()
        tags = self.nodes.tags[children].tolist()
        at, keys = 1, []
        while at < len(tags) and tags[at] <= 1:
            keys.append(children[at + 1] if tags[at] == 1 else -1)
            at += 1 + tags[at]
        return dict(zip(children[at + 1 :], keys, strict=False))

    def _parameter(self, child: int, function: int) -> tuple[list[str], bool]:
        """Return the name of the parameter or keyword with this value, or of the function that returns it."""
        tag = int(self.nodes.tags[function])
        strings = [item for item in self.nodes.children(function).tolist() if self.nodes.tags[item] == STRING]
        if self.nodes.tags[child] == BLOCK:
            return ([self.nodes.string(strings[0])] if tag == FUNCTION and strings else []), tag == LAMBDA
        before = [item for item in strings if item < child]
        return ([self.nodes.string(before[-1])] if before else []), False

    def _names(self, item: int) -> list[str]:
        """Return what an expression is called, its last part last."""
        found: list[str] = []
        for _ in range(STEPS):
            tag = int(self.nodes.tags[item])
            children = self.nodes.children(item).tolist()
            strings = [child for child in children if self.nodes.tags[child] == STRING]
            inner = [child for child in children if self.nodes.tags[child] > LIST]
            if tag in (NAME, TEXT, BYTES) and strings:
                return [self.nodes.string(strings[0]), *found]
            if tag == MEMBER and strings and inner:
                found, item = [self.nodes.string(strings[-1]), *found], inner[0]
            elif tag == INDEX and len(inner) == 2:
                found, item = [*self._names(inner[1]), *found], inner[0]
            elif tag in (STAR, CALL) and inner:
                item = inner[0]
            else:
                return found
        return found
