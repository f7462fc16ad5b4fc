"""The models of results/: kept from a run, shown as README's table and as pictures, and scored once more.

    python -m benchmarks.models add RUN --related related     # a folder in results/ for each model that the run scored
    python -m benchmarks.models table                         # README's first table
    python -m benchmarks.models pictures                      # results/compute.svg and results/tokens.svg
    python -m benchmarks.models again [NAME...]               # kept answers judged again: the same rows?

In: runs of this tool, and results/published.json, the figures that others published. Out: as above; `again` ends with
exit code 1 where a row differs. How a folder is filled: benchmarks/models_kept.py; what is shown of it:
benchmarks/models_shown.py.
"""

import argparse
from pathlib import Path

from benchmarks.models_kept import add, again
from benchmarks.models_shown import pictures, table
from curate.errors import UserError

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "results"


def main(given: list[str] | None = None) -> int:
    """Do what the command line says and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.models", description=(__doc__ or "").splitlines()[0])
    verbs = parser.add_subparsers(dest="verb", required=True)
    one = verbs.add_parser("add", help="keep the models of a run")
    one.add_argument("run", type=Path)
    one.add_argument("--only", default="", help="stages, A,B or A=folder,B=folder; default: all that are scored")
    one.add_argument("--related", default=None, help="a stage decontam.*: tasks it dropped documents for are related")
    one.add_argument("--usd-per-gpu-hour", type=float, default=None, help="a price, where the training names none")
    one.add_argument("--commit", default=None, help="of the code that ran, where known; default: this one's")
    more = verbs.add_parser("again", help="judge kept answers again")
    more.add_argument("names", nargs="*", help="folders of results/; default: all that hold answers")
    for verb, told in (("table", "print README's first table"), ("pictures", "draw scores over compute and tokens")):
        verbs.add_parser(verb, help=told)
    for each in verbs.choices.values():
        each.add_argument("--results", type=Path, default=RESULTS, help="the folder; default: results/")
    options = parser.parse_args(given)
    match options.verb:
        case "add":
            only = dict(each.partition("=")[::2] for each in options.only.split(",") if each)
            price, commit = options.usd_per_gpu_hour, options.commit
            for folder in add(options.run, options.results, only, options.related, price, commit):
                print(folder)
        case "table":
            print(table(options.results))
        case "pictures":
            for path in pictures(options.results):
                print(path)
        case "again":
            lines, same = again(options.results, options.names)
            print("\n".join(lines))
            return 0 if same else 1
    return 0


if __name__ == "__main__":
    try:
        raise SystemExit(main())
    except UserError as error:
        raise SystemExit(f"error: {error}") from error
