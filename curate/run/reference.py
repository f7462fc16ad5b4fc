"""docs/recipes-and-stages.md, made from the code: `curate stages --markdown > docs/recipes-and-stages.md`.

In: the table of stages, the specs of engines and models. Out: Markdown. What a setting means is its docstring, what it
may be is its type; only what a recipe's own keys mean is written here. Stages of others (module:Class, entry points)
are left out.
"""

from collections.abc import Iterator, Mapping, Sequence
from inspect import cleandoc
from typing import Any

import yaml
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from curate.llm.types import ModelSpec
from curate.recipe import EngineSpec
from curate.stage import Job, Reference, Source, Stage
from curate.stages import SOURCES, STAGES, find

OF_A_RECIPE = {
    "name": "letters, digits, `.`, `_`, `-`: the run lies in `runs/NAME`. Required",
    "seed": "a whole number (0): all that is drawn follows from it",
    "usd": "what all models of a run may cost, in dollars ([models.md](models.md))",
    "keep": "`all`, or `last`: once all is done, documents that only stages read are removed ([export.md](export.md))",
    "tracker": "`trackio` or `wandb`: what figures are mirrored to ([export.md](export.md))",
    "engine": "where shards are worked on, see below",
    "models": "a name for each model, see below",
    "sources": "a name for each source. One at least",
    "stages": "a name for each stage, in order",
}
OF_A_STAGE = {
    "use": "the stage, by a name of this page, or `module:Class` ([write-a-stage.md](write-a-stage.md)). Required",
    "from": "the stage that it reads, or a list of them; by default the one before it",
    "usd": "what its models may cost, in dollars",
}
WRITTEN = {
    "installed": "installed: true",
    "packages": "packages:",
    "folder": "folder:",
    "parquet": "path:",
    "jsonl": "path:",
    "hub": "hub:",
}
"""What a recipe writes for each kind of source."""
KINDS = {
    "integer": "whole number",
    "number": "number",
    "string": "text",
    "boolean": "true or false",
    "object": "settings",
}
BOUNDS = {"minimum": "from", "exclusiveMinimum": "above", "maximum": "to", "exclusiveMaximum": "below"}


def markdown() -> str:
    """Return the page."""
    parts = [
        "# Recipes and stages",
        "This page is what `curate stages --markdown` prints; a test holds it against the code. `curate stages NAME` "
        "prints one stage's part in the terminal.",
        "## A recipe",
        _table("key", ((name, meaning) for name, meaning in OF_A_RECIPE.items())),
        "Any value can be set from the command line: `--set stages.minhash.threshold=0.7`.",
        "### `engine:`", _settings(EngineSpec),
        "### A model, under `models:`", _settings(ModelSpec),
        "### A stage, under `stages:`",
        "Besides the settings of its kind:",
        _table("key", ((name, meaning) for name, meaning in OF_A_STAGE.items())),
        "## Sources",
        *(part for kind in SOURCES for part in _described(f"source.{kind}", find(kind, SOURCES))),
        "## Stages",
        *(part for use in STAGES for part in _described(use, find(use))),
    ]  # fmt: skip
    return "\n\n".join(parts) + "\n"


def _described(name: str, kind: type[Stage]) -> Iterator[str]:
    """Yield what one stage or source is, and its settings."""
    yield f"### `{name}`"
    if issubclass(kind, Source):
        yield f"In a recipe: `{WRITTEN[name.removeprefix('source.')]}`"
    yield cleandoc(kind.__doc__ or "")
    if issubclass(kind, Job):
        yield f"A job: it reads {kind.READS} and leaves {kind.YIELDS}."
    yield _settings(kind) if [field for field in kind.model_fields if field != "name"] else "It has no settings."


def _settings(kind: type[BaseModel]) -> str:
    """Return a table of the settings of a stage, a source or a spec."""
    schema = kind.model_json_schema()
    shared = schema.get("$defs", {})
    rows = []
    for name, info in kind.model_fields.items():
        if issubclass(kind, Source) and name == "name":
            continue
        marks = [f" (the name of a {mark.kind})" for mark in info.metadata if isinstance(mark, Reference)]
        meaning = " ".join((info.description or "").split())
        rows.append((f"`{name}`", _type(schema["properties"][name], shared) + "".join(marks), _default(info), meaning))
    return _rows(("setting", "type", "default", "meaning"), rows)


def _default(info: FieldInfo) -> str:
    if info.is_required():
        return "required"
    value = info.get_default(call_default_factory=True)
    if value is None:
        return ""
    plain = list(value) if isinstance(value, tuple) else value
    return f"`{yaml.safe_dump(plain, default_flow_style=True, width=10_000).rstrip().removesuffix('...').rstrip()}`"


def _type(schema: Mapping[str, Any], shared: Mapping[str, Any]) -> str:
    """Return the type of a setting in words, from its JSON schema."""
    if "$ref" in schema:
        return _type(shared[schema["$ref"].rpartition("/")[2]], shared)
    if "anyOf" in schema:
        # Python keeps one union for all orders of its parts, so that the order is whoever's came first.
        return " or ".join(sorted({_type(each, shared) for each in schema["anyOf"] if each.get("type") != "null"}))
    if "enum" in schema or "const" in schema:
        values = schema.get("enum", [schema.get("const")])
        return " or ".join(f"`{str(value).lower() if isinstance(value, bool) else value}`" for value in values)
    if schema.get("type") == "array":
        items = schema.get("items") or (schema.get("prefixItems") or [{}])[0]
        return f"list, each {_type(items, shared)}" if items else "list"
    bounds = " ".join(f"{word} {schema[name]:g}" for name, word in BOUNDS.items() if name in schema)
    return " ".join(filter(None, [KINDS.get(str(schema.get("type")), "any value"), bounds]))


def _table(title: str, rows: Iterator[tuple[str, str]]) -> str:
    return _rows((title, "meaning"), [(f"`{name}`", meaning) for name, meaning in rows])


def _rows(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [titles, ["---"] * len(titles), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)
