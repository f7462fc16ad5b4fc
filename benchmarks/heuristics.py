"""The rules that read text, on one core: megabytes a second for each stage, and whether the fast parser can be trusted.

Prints, for a folder of Parquet shards with a `text` column (the installed Python where none is given):
- MB/s of each stage by processor time, the median over shards, beside CPython's two ways to say whether a text is valid
  and one walk over its tree, on the same shards in the same run;
- agreement of the fast parser with `ast.parse` on every file and on the same files with one random edit each, so that
  there are errors to agree on; and of its counts with those of CPython's tree on every 20th file;
- what each stage dropped, and how many secrets of each kind it found. `--hits N` prints N of each to be looked at.

    python -m benchmarks.heuristics CORPUS [--hits 50]

Writes benchmarks/results/heuristics.json; read the ratios, not the megabytes.
"""

import argparse
import ast
import json
import platform
import random
import statistics
import symtable
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pyarrow as pa

from curate.files.shards import list_shards, read_shard, write_shard
from curate.filters.grading.rubric import Rubric
from curate.filters.private.secrets import Secrets, secrets
from curate.filters.rights.license import License
from curate.filters.rights.optout import OptOut
from curate.filters.signals.heuristics import Heuristics, Signals
from curate.filters.signals.language import Language
from curate.filters.syntax import tree
from curate.filters.syntax.plain import parse, parsing
from curate.sources.kinds import Installed
from curate.stage import Context, Filter, Global, Verdict

SHORTEST_EDITED, LONGEST_EDITED, EVERY = 100, 30_000, 20
SIMPLE = (
    ast.Expr, ast.Assign, ast.AnnAssign, ast.AugAssign, ast.Return, ast.Raise, ast.Assert, ast.Delete, ast.Global,
    ast.Nonlocal, ast.Pass, ast.Break, ast.Continue, ast.Import, ast.ImportFrom,
)  # fmt: skip


def shards(corpus: Path | None) -> list[pa.Table]:
    """Return the shards of a corpus, or what is installed here."""
    if corpus:
        return [read_shard(path) for path in list_shards(corpus)]
    source = Installed(name="bench", limit=3000)
    return [source.read(part).documents for part in source.parts()]


def stages(folder: Path) -> dict[str, Filter]:
    """Return the stages that are measured."""
    wishes = folder / "optout.txt"
    wishes.write_text("id: none\nauthor: nobody@corp.io\nauthor: @corp.io\n", encoding="utf-8")
    return {
        "filter.signals": Signals(),
        "filter.heuristics": Heuristics(),
        "filter.rubric": Rubric(),
        "filter.language": Language(natural=["en"]),
        "filter.license": License(),
        "filter.secrets": Secrets(),
        "filter.optout": OptOut(lists=[wishes]),
    }


def megabytes_a_second(work: Callable[[pa.Table], object], tables: Iterable[pa.Table]) -> float:
    """Return the median rate over shards, by processor time of this process."""
    rates = []
    for table in tables:
        size = sum(len(text.encode()) for text in table.column("text").to_pylist()) / 1e6
        start = time.process_time()
        work(table)
        rates.append(size / (time.process_time() - start))
    return round(statistics.median(rates), 1)


def run(stage: Filter, tables: list[pa.Table], context: Context) -> tuple[float, list[Verdict]]:
    """Let a stage judge all shards; return its rate, sketches included, and its verdicts."""
    verdicts: list[Verdict] = []
    if isinstance(stage, Global):
        for number, table in enumerate(tables):
            write_shard(stage.sketch(table, context), context.plan / "sketches" / f"{number}.parquet")
        stage.plan(context, lambda function, items: [function(item) for item in items])
        rate = megabytes_a_second(lambda table: (stage.sketch(table, context), stage.judge(table, context)), tables)
        return rate, [stage.judge(table, context) for table in tables]
    return megabytes_a_second(lambda table: verdicts.append(stage.judge(table, context)), tables), verdicts


def cpython(work: Callable[[str], object]) -> Callable[[pa.Table], None]:
    """Return a loop over a shard's texts."""

    def loop(table: pa.Table) -> None:
        with parsing():
            for text in table.column("text").to_pylist():
                work(text)

    return loop


def valid_by_symtable(text: str) -> bool:
    """Ask CPython's compiler up to its symbol table."""
    try:
        symtable.symtable(text, "text", "exec")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


def walked(text: str) -> list[int] | None:
    """Count simple statements, imports, functions and classes in CPython's tree."""
    module = parse(text)
    if module is None:
        return None
    nodes = list(ast.walk(module))
    strings = sum(isinstance(node, ast.Expr) and isinstance(_value(node), str) for node in nodes)
    kinds = (SIMPLE, (ast.Import, ast.ImportFrom), (ast.FunctionDef, ast.AsyncFunctionDef), (ast.ClassDef,))
    counts = [sum(isinstance(node, kind) for node in nodes) for kind in kinds]
    return [counts[0] - strings, *counts[1:]]


def _value(node: ast.Expr) -> object:
    return node.value.value if isinstance(node.value, ast.Constant) else None


def edited(text: str, choose: random.Random) -> str:
    """Return a text with one small random edit, which breaks it about every second time."""
    at = choose.randrange(len(text))
    edits = (text[:at] + text[at + 1 :], text[:at] + choose.choice("()[]:,\n\t \"'=") + text[at:], text[:at])
    return choose.choice(edits)


def agreement(texts: list[str]) -> dict[str, int]:
    """Compare verdicts of both parsers."""
    column = pa.chunked_array([pa.array(texts, pa.large_string())])
    fast = tree.read_trees(column)
    found: Counter[str] = Counter()
    with parsing():
        for text, error_line in zip(texts, fast.error_line.tolist(), strict=True):
            names = ("both valid", "only the fast one valid", "only CPython valid", "both invalid")
            found[names[2 * (error_line > 0) + (parse(text) is None)]] += 1
    return dict(sorted(found.items()))


def same_counts(texts: list[str]) -> dict[str, int]:
    """Compare counts of both trees."""
    column = pa.chunked_array([pa.array(texts, pa.large_string())])
    fast = tree.read_trees(column)
    chosen = fast.counts[:, [tree.STATEMENTS, tree.IMPORTS, tree.FUNCTIONS, tree.CLASSES]].tolist()
    with parsing():
        same = [counts == walked(text) for counts, text in zip(chosen, texts, strict=True)]
    return {"files": len(same), "same": sum(same)}


def hits(tables: list[pa.Table], count: int) -> Iterator[str]:
    """Yield some secrets of each kind with what stands around them."""
    found: dict[str, list[str]] = {}
    for table in tables:
        for name, text in zip(table.column("id").to_pylist(), table.column("text").to_pylist(), strict=True):
            data = text.encode()
            for kind, spans in secrets(data).items():
                for start, stop in spans:
                    before = data[max(start - 30, 0) : start].decode("utf-8", "replace").split("\n")[-1]
                    after = data[stop : stop + 20].decode("utf-8", "replace").split("\n")[0]
                    line = f"{before}[{data[start:stop][:60].decode()}]{after}"
                    found.setdefault(kind, []).append(f"{kind:<11} {name[:45]:<45} {line}")
    for kind in sorted(found):
        yield from random.Random(17).sample(found[kind], min(count, len(found[kind])))


def main() -> None:
    """Measure, print, keep."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("corpus", nargs="?", type=Path)
    arguments.add_argument("--hits", type=int, default=0)
    given = arguments.parse_args()
    tables = shards(given.corpus)
    texts = [text for table in tables for text in table.column("text").to_pylist()]
    result: dict[str, object] = {"files": len(texts), "python": platform.python_version()}
    rates, dropped, found = {}, {}, {}
    with tempfile.TemporaryDirectory() as folder:
        context = Context("bench", 17, Path(folder))
        for name, stage in stages(Path(folder)).items():
            run(stage, [tables[0].slice(0, 20)], context)  # compiles, and loads models
            rates[name], verdicts = run(stage, tables, context)
            reasons = Counter(reason for verdict in verdicts for reason in verdict.reasons.to_pylist() if reason)
            dropped[name] = dict(reasons.most_common())
            found |= {key: sum(v.metrics[key] for v in verdicts) for key in verdicts[0].metrics}
        measured = [Signals().judge(table, context).split(table)[0] for table in tables[:3]]
        rates["heuristics on stored signals"] = megabytes_a_second(lambda t: Heuristics().judge(t, context), measured)
    rates["CPython: symtable"] = megabytes_a_second(cpython(valid_by_symtable), tables[:3])
    rates["CPython: ast.parse"] = megabytes_a_second(cpython(parse), tables[:3])
    rates["CPython: ast.parse and a walk"] = megabytes_a_second(cpython(walked), [t.slice(0, 500) for t in tables[:3]])
    choose = random.Random(17)
    some = [text for text in texts if SHORTEST_EDITED <= len(text) <= LONGEST_EDITED]
    result |= {
        "mb_per_s": rates,
        "agreement": agreement(texts),
        "agreement_after_an_edit": agreement([edited(text, choose) for text in some]),
        "same_counts": same_counts(texts[::EVERY]),
        "dropped": dropped,
        "secrets": found,
    }
    place = Path(__file__).parent / "results" / "heuristics.json"
    place.parent.mkdir(exist_ok=True)
    place.write_text(json.dumps(result, indent=2) + "\n")
    for name, value in result.items():
        rows = value.items() if isinstance(value, dict) else [("", value)]
        for key, number in rows:
            print(f"{name:<24} {key:<32} {number}")
    for line in hits(tables, given.hits):
        print(line)


if __name__ == "__main__":
    main()
