"""The command line. Exit codes: 0 done, 1 a mistake the user can mend, 2 some shards failed, 130 interrupted.

Each command loads what it needs when it is called, so that `curate --help` answers at once.
"""

import json
import re
import shlex
import signal
import sys
import traceback
import warnings
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from curate import __version__
from curate.errors import Trouble, UserError, from_os_error

INTERRUPTED = 130

app = typer.Typer(
    name="curate",
    help="Turn a heap of source code into a small, textbook-quality corpus, train a small model on it, and score it.",
    context_settings={"help_option_names": ["-h", "--help"]},
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


def _here(parameter: typer.CallbackParam, place: Path | None) -> Path | None:
    """Refuse a URL where a folder or file of this machine is wanted, instead of making a folder of that name."""
    if place is not None and re.match(r"[A-Za-z][A-Za-z0-9+.-]+:/", str(place)):
        url = str(place).replace(":/", ":///" if str(place).startswith("file:") else "://", 1)  # a Path merges slashes
        raise UserError(f"{parameter.opts[0]} {url}: it must be a path of this machine (a mounted store will do)")
    return place


RecipePath = Annotated[Path, typer.Argument(metavar="RECIPE", help="The recipe, a YAML file.")]
RunPath = Annotated[Path, typer.Argument(metavar="RUN", help="The run's directory, such as runs/quickstart.")]
RunsRoot = Annotated[Path, typer.Option("--runs", metavar="DIR", help="Where runs live.", callback=_here)]
Settings = Annotated[list[str] | None, typer.Option("--set", metavar="A.B=C", help="Override a value of the recipe.")]
Limit = Annotated[int | None, typer.Option("--limit", min=1, metavar="N", help="Read at most N documents per source.")]
Workers = Annotated[int | None, typer.Option("--workers", min=1, metavar="N", help="Processes or threads; one a core.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Wide = Annotated[bool, typer.Option("--wide", help="All columns, however wide the terminal is.")]


@app.callback(invoke_without_command=True)
def start(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version and leave.")] = False,
) -> None:
    """Print the help where no command is given."""
    if version:
        _print(f"curate {__version__}")
    elif context.invoked_subcommand is None:
        _print(context.get_help())


@app.command()
def init(
    recipe: Annotated[str, typer.Argument(metavar="[quickstart|phi1-small|phi1]")] = "quickstart",
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Where to; default: the recipe's name here.")] = None,
) -> None:
    """Write a recipe to edit."""
    from curate.run.starters import write_starter

    _print(write_starter(recipe, out or Path(f"{recipe}.yaml")))


@app.command()
def plan(
    recipe: RecipePath,
    runs: RunsRoot = Path("runs"),
    settings: Settings = None,
    limit: Limit = None,
    usd: Annotated[float | None, typer.Option("--usd-per-gpu-hour", min=0, metavar="N", help="Price of a GPU.")] = None,
    wide: Wide = False,
    as_json: AsJson = False,
) -> None:
    """Check a recipe and say what would run, and what that takes; writes nothing."""
    from curate.estimate.verb import plan_text

    opened = _open(recipe, runs, settings, limit)
    _print(plan_text(opened, runs, usd_per_gpu_hour=usd, wide=wide, as_json=as_json))


@app.command()
def preview(
    recipe: RecipePath,
    stage: Annotated[str, typer.Argument(metavar="STAGE")],
    count: Annotated[int, typer.Option("-n", min=1, metavar="N", help="How many to show.")] = 5,
    limit: Annotated[int, typer.Option("--limit", min=1, metavar="N", help="Documents to read of each source.")] = 200,
    runs: RunsRoot = Path("runs"),
    settings: Settings = None,
    as_json: AsJson = False,
) -> None:
    """Try one stage on a few documents: before, after, and why; writes nothing."""
    from curate.preview.verb import preview as look
    from curate.preview.verb import told
    from curate.terminal.screen import open_progress

    with open_progress("preview") as progress:
        found = look(recipe, stage, count=count, most=limit, runs=runs, settings=_settings(settings), progress=progress)
    _print(told(found, as_json=as_json))


@app.command()
def run(
    recipe: RecipePath,
    until: Annotated[str | None, typer.Option(metavar="STAGE", help="Stop after this stage.")] = None,
    limit: Limit = None,
    workers: Workers = None,
    engine: Annotated[str | None, typer.Option(metavar="local|ray", help="Override the recipe's engine.")] = None,
    settings: Settings = None,
    runs: RunsRoot = Path("runs"),
    allow_empty: Annotated[
        bool, typer.Option("--allow-empty", help="Stages that keep nothing are no mistake.")
    ] = False,
    verify: Annotated[bool, typer.Option("--verify", help="Compare every byte of what is done.")] = False,
) -> None:
    """Execute a recipe, or continue it: what is done is not done again."""
    from curate.records.status import status as read_status
    from curate.run.runner import execute
    from curate.terminal.screen import open_display
    from curate.terminal.status import spent

    if engine not in (None, "local", "ray"):
        raise UserError(f"--engine {engine!r}: it must be local or ray")
    opened = _open(recipe, runs, settings, limit)
    with open_display([node.name for node in opened.recipe.nodes]) as display:
        emptied = execute(opened, display, until=until, workers=workers, engine=engine or "", verify=verify)
    if until is None:
        from curate.report.write import report as write_report

        write_report(opened.directory)
        _print(f"{spent(read_status(opened.directory))}; report: {opened.directory / 'report.html'}")
    if emptied and not allow_empty:
        raise UserError(f"nothing kept (--allow-empty accepts that): {emptied[0].text(opened.directory)}")


@app.command()
def status(run: RunPath, wide: Wide = False, as_json: AsJson = False) -> None:
    """Say how far a run is, stage by stage; works on a live run."""
    from curate.records.status import status as read_status
    from curate.terminal.status import render_status

    value = read_status(run)
    _print(json.dumps(value, indent=2, ensure_ascii=False) if as_json else render_status(value, wide=wide))


@app.command()
def show(
    run: RunPath,
    stage: Annotated[str, typer.Argument(metavar="STAGE")],
    dropped: Annotated[bool, typer.Option("--dropped", help="Dropped rows instead of kept ones.")] = False,
    reason: Annotated[str | None, typer.Option(metavar="R", help="Only rows dropped for this reason.")] = None,
    count: Annotated[int, typer.Option("-n", min=1, metavar="N", help="How many.")] = 5,
    where: Annotated[str | None, typer.Option(metavar="SQL", help="A condition, such as 'quality > 0.9'.")] = None,
    cluster: Annotated[str | None, typer.Option(metavar="ID", help="The duplicates of a document, as diffs.")] = None,
    columns: Annotated[str, typer.Option(metavar="A,B|all", help="Show these signal columns too.")] = "",
    keep: Annotated[float | None, typer.Option(metavar="SHARE", help="What another `keep` would change.")] = None,
    as_json: AsJson = False,
) -> None:
    """Read the documents of a stage."""
    if keep is not None:
        from curate.report.documents.another_cut import another_cut, render_cut

        if dropped or reason is not None or where is not None or cluster is not None or columns:
            raise UserError("--keep shows what lies between two cuts; give it with -n and --json alone")
        other = another_cut(run, stage, keep, count=count)
        _print(json.dumps(asdict(other), indent=2, ensure_ascii=False) if as_json else render_cut(other))
        return
    if cluster is not None:
        from curate.report.documents.duplicates import read_cluster, render_cluster

        if dropped or reason is not None or where is not None:
            raise UserError("--cluster shows kept and dropped members together; leave --dropped, --reason and --where")
        found = read_cluster(run, stage, cluster, count=count)
        _print(json.dumps(asdict(found), indent=2, ensure_ascii=False) if as_json else render_cluster(found))
        return
    from curate.report.documents.browse import cut_of
    from curate.report.documents.browse import show as read_rows
    from curate.report.documents.showing import render_rows

    rows = read_rows(run, stage, dropped=dropped or reason is not None, reason=reason, count=count, where=where)
    if as_json:
        _print(json.dumps(rows, indent=2, ensure_ascii=False, default=str))
    else:
        _print(render_rows(rows, list(filter(None, columns.split(","))), cut_of(run, stage)))


@app.command()
def trace(
    run: RunPath,
    document: Annotated[str, typer.Argument(metavar="ID", help="A document's id.")],
    as_json: AsJson = False,
) -> None:
    """Tell the life of one document, stage by stage."""
    from curate.report.documents.browse import trace as read_trace
    from curate.report.documents.showing import render_trace

    steps = read_trace(run, document)
    _print(json.dumps(steps, indent=2, ensure_ascii=False, default=str) if as_json else render_trace(steps))


@app.command()
def report(
    run: RunPath,
    quality: Annotated[bool, typer.Option("--quality", help="Print quantity and quality, stage by stage.")] = False,
    wide: Wide = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON (with --quality).")] = False,
) -> None:
    """Write report.html (one file, no network) and report.md, or print how each stage changed the documents."""
    if quality:
        from curate.report.quality_report import quality_text

        _print(quality_text(run, as_json=as_json, wide=wide))
        return
    if as_json:
        raise UserError("--json goes with --quality; the figures of the report are those of `curate status --json`")
    from curate.report.write import report as write_report

    write_report(run)
    _print(f"{run / 'report.html'}\n{run / 'report.md'}")


@app.command()
def export(
    run: RunPath,
    to: Annotated[Path, typer.Option(metavar="FOLDER", help="Where to; it must not exist.", callback=_here)],
    stages: Annotated[
        list[str] | None, typer.Argument(metavar="[STAGE]...", help="Stages; default: those that hold the corpus.")
    ] = None,
    kind: Annotated[
        str | None, typer.Option("--format", metavar="parquet|jsonl|hub", help="Default: parquet; with --push hub.")
    ] = None,
    columns: Annotated[str, typer.Option(metavar="A,B", help="Only these, id, text, source and stage.")] = "",
    shard_mb: Annotated[float, typer.Option(min=0.001, metavar="MB", help="Text in a file.")] = 256,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an earlier export.")] = False,
    push: Annotated[str | None, typer.Option(metavar="NAME", help="Send it to the hub, as owner/name.")] = None,
    public: Annotated[bool, typer.Option("--public", help="A repository that push makes is public.")] = False,
    as_json: AsJson = False,
) -> None:
    """Write the corpus, or a model, into one folder with a card, for other tools or the hub."""
    from curate.export.verb import export as write_export
    from curate.export.verb import told

    options: dict[str, Any] = {"kind": kind, "columns": columns, "shard_mb": shard_mb, "push": push}
    found = write_export(run, stages or [], to, **options, public=public, overwrite=overwrite)
    _print(told(found, as_json=as_json))


@app.command()
def prune(
    run: RunPath,
    yes: Annotated[bool, typer.Option("--yes", help="Remove without asking.")] = False,
    dry: Annotated[bool, typer.Option("--dry-run", help="List what would go, and leave it.")] = False,
    calls: Annotated[bool, typer.Option("--calls", help="Paid answers of models too.")] = False,
    as_json: AsJson = False,
) -> None:
    """Remove what a run holds and its recipe no longer has; listed first."""
    from curate.run import prune as pruning

    found = pruning.scraps(run, calls=calls)
    wanted = bool(found) and not dry
    if wanted and not yes:
        if as_json or not (sys.stdin.isatty() and sys.stdout.isatty()):
            pruning.refuse_unasked(run, found)
        _print(pruning.listed(found))
        wanted = typer.confirm("remove it?")
        if not wanted:
            return
    gone = pruning.prune(run, calls=calls) if wanted else found
    _print(pruning.told(run, gone, removed=wanted, as_json=as_json))


@app.command(name="eval")
def evaluate(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="A folder, a hub name, or a GGUF file.")],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Where samples, results and scores go.", callback=_here)],
    tasks: Annotated[
        str | None,
        typer.Option(metavar="A,B", help="Benchmarks, or files of your own tasks; default: humaneval,mbpp."),
    ] = None,
    protocol: Annotated[
        list[str] | None, typer.Option(metavar="P", help="A protocol, such as humaneval+@evalplus-chat; repeatable.")
    ] = None,
    backend: Annotated[
        str, typer.Option(metavar="vllm|transformers|openai|replay", help="What runs the model.")
    ] = "transformers",
    base_url: Annotated[str | None, typer.Option(metavar="URL", help="An OpenAI-compatible endpoint.")] = None,
    samples: Annotated[int, typer.Option(min=1, metavar="N", help="Samples per task.")] = 1,
    temperature: Annotated[float | None, typer.Option(min=0, metavar="T", help="Default: 0; 0.2 for samples.")] = None,
    max_tokens: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Tokens per sample; default: the protocol's.")
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, metavar="N", help="Only the first N tasks.")] = None,
    bits: Annotated[bool, typer.Option("--bits/--no-bits", help="Measure bits per byte too.")] = True,
    weak: Annotated[bool, typer.Option("--allow-weak-sandbox", help="Run with resource limits alone.")] = False,
) -> None:
    """Generate and score: no recipe needed."""
    from importlib import import_module

    protocols = protocol or []
    default = "" if protocols else "humaneval,mbpp"
    benchmarks = [name for name in (tasks if tasks is not None else default).split(",") if name]
    _call(
        "eval",
        import_module("curate.eval.code").evaluate,
        model,
        import_module("curate.eval.asking.own").named(benchmarks, protocols),
        out,
        backend=backend,
        base_url=base_url,
        samples=samples,
        temperature=temperature,
        max_tokens=max_tokens,
        limit=limit,
        bits=bits,
        allow_weak=weak,
    )


@app.command()
def score(
    samples: Annotated[Path, typer.Argument(metavar="SAMPLES.jsonl")],
    tasks: Annotated[str, typer.Option(metavar="NAME|TASKS.jsonl", help="A benchmark, or a file of your own tasks.")],
    out: Annotated[
        Path,
        typer.Option(metavar="RESULTS.jsonl", help="One verdict a sample; `curate table` reads it.", callback=_here),
    ],
    protocol: Annotated[
        str | None, typer.Option(metavar="P", help="Rows hold `raw` answers, to this protocol, as `eval` keeps them.")
    ] = None,
    name: Annotated[str | None, typer.Option("--as", metavar="NAME", help="Whose samples they are.")] = None,
    parameters: Annotated[float | None, typer.Option(metavar="N", help="That model's size, such as 1.3e9.")] = None,
    tokens: Annotated[float | None, typer.Option(metavar="N", help="Tokens of its data set, such as 7e9.")] = None,
    workers: Workers = None,
    weak: Annotated[bool, typer.Option("--allow-weak-sandbox", help="Run with resource limits alone.")] = False,
) -> None:
    """Judge given completions or solutions by running them."""
    from importlib import import_module

    again = protocol is not None
    _call(
        "score",
        import_module("curate.eval.again").score_again if again else import_module("curate.eval.judging.scoring").score,
        samples,
        tasks,
        *([protocol] if again else []),
        out,
        name=name,
        parameters=parameters,
        dataset_tokens=tokens,
        workers=workers or 0,
        allow_weak=weak,
    )


@app.command()
def table(
    places: Annotated[list[Path], typer.Argument(metavar="RUN|DIR|RESULTS.jsonl...")],
    diff: Annotated[bool, typer.Option("--diff", help="Tasks gained and lost from the first to the second.")] = False,
    arms: Annotated[
        str, typer.Option(metavar="A,B+C", help="These models, each beside the one before it; B+C count as one.")
    ] = "",
    markdown: Annotated[bool, typer.Option("--markdown", help="Print Markdown, as into a pipe.")] = False,
    wide: Wide = False,
    as_json: AsJson = False,
) -> None:
    """Print the leaderboard: what was measured beside what was published."""
    from curate.table.leaderboard import table_text

    order = [arm for arm in arms.split(",") if arm]
    if diff and order:
        raise UserError("--diff tells two models apart task by task, --arms several in figures; give one of them")
    _print(table_text(places, diff=diff, arms=order, as_json=as_json, markdown=markdown, wide=wide))


@app.command()
def stages(
    name: Annotated[str | None, typer.Argument(metavar="[NAME|RECIPE.yaml]")] = None,
    schema: Annotated[bool, typer.Option("--schema", help="Print the parameters as JSON Schema.")] = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print all of them as a page of Markdown.")] = False,
) -> None:
    """List the stages, or those of a recipe, or print one stage's parameters and defaults as YAML with comments."""
    from curate.run.plan import render_stage, render_stages, render_stages_of

    if markdown:
        from curate.run.reference import markdown as page

        _print(page())
    elif name is None:
        _print(render_stages())
    elif name.endswith((".yaml", ".yml")) and not schema:
        _print(render_stages_of(Path(name)))
    else:
        _print(render_stage(name, schema=schema))


def main() -> NoReturn:
    """Run the command line, turn every way to end into an exit code, and let go of models however it ended."""
    signal.signal(signal.SIGTERM, _interrupt)
    warnings.filterwarnings("ignore", category=SyntaxWarning)  # odd escapes in code that is read are not ours to mend
    code = 1
    try:
        code = _run()
    finally:
        from curate.terminal.ending import let_go

        let_go(code)
    sys.exit(code)


def _run() -> int:
    """Run one command and return its exit code; what went wrong is told in one line on stderr."""
    try:
        code = app(standalone_mode=False)  # typer returns an exit code for an interruption, and None from commands
        if code == INTERRUPTED:
            raise KeyboardInterrupt
        return code or 0
    except typer.Exit as error:
        return error.exit_code
    except BrokenPipeError:
        sys.stderr.close()
        return 0
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - each is told, with an exit code of its own
        line, code = _explain(error)
        sys.stderr.write(line + "\n")
        return code


def _explain(error: BaseException) -> tuple[str, int]:
    """Return what to print and the exit code for what a command raised: one line, or the traceback of our own fault."""
    match error:
        case UserError():
            return f"error: {error}", 1
        case KeyboardInterrupt() | typer.Abort():
            command = shlex.join(["curate", *sys.argv[1:]])
            return f"interrupted, what is done stands; run the same command again to continue: {command}", INTERRUPTED
        case Trouble():
            return f"failed: {error}", 2
        case OSError():
            return f"error: {from_os_error(error)}", 1
    if hasattr(error, "format_message"):
        return f"error: {error.format_message()} (see curate --help)", 1
    return "".join(traceback.format_exception(error)).rstrip(), 1


def _open(recipe: Path, runs: Path, settings: list[str] | None, limit: int | None) -> Any:
    from curate.recipe import load
    from curate.run.opened import open_run

    return open_run(load(recipe, _settings(settings), limit=limit), runs)


def _settings(given: list[str] | None) -> dict[str, Any]:
    from curate.recipe import parse_override

    return dict(parse_override(text) for text in given or [])


def _call(command: str, function: Any, *arguments: Any, **options: Any) -> None:
    """Call into a stage package, whose functions say lines, show how far they are, and return the text to print."""
    from curate.terminal.screen import open_progress

    with open_progress(command) as progress:
        text = str(function(*arguments, **options, say=_print, progress=progress))
    _print(text)


def _print(text: str) -> None:
    sys.stdout.write(text.rstrip("\n") + "\n")
    sys.stdout.flush()


def _interrupt(*_: object) -> NoReturn:
    raise KeyboardInterrupt
