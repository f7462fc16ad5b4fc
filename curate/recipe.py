"""Recipes: YAML in, a checked graph of stages out.

`load(path)` reads one YAML file, refuses what it does not know (with the nearest known word), builds every stage's
parameters, resolves `from:` and references to other stages, and returns the stages in an order in which each comes
after what it reads. `keys(recipe)` names each stage by a hash of everything that determines its bytes.
"""

import copy
import hashlib
import json
import math
import re
from collections.abc import Hashable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from curate.errors import Trouble, UserError, did_you_mean
from curate.files.contents import digest, lines
from curate.llm.types import ModelSpec
from curate.plugins.digest import source_digest
from curate.plugins.finding import answerable, stage_class
from curate.records.tracker import check_tracker
from curate.stage import Reference, Stage
from curate.stages import SOURCES, STAGES

KEEP = ("all", "last")
TOP_LEVEL = ("name", "seed", "usd", "keep", "tracker", "engine", "models", "sources", "stages")
Spec = TypeVar("Spec", bound=BaseModel)
TOO_DEEP = "it is nested too deeply for a recipe; a stage's settings lie three levels deep"
NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*\Z")


class EngineSpec(BaseModel):
    """`engine:` of a recipe. It never enters a key: any engine and any number of workers give the same bytes."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    kind: Literal["local", "ray"] = "local"
    """Processes of this machine, or tasks of Ray."""
    workers: int | None = Field(default=None, ge=1)
    """Processes that work on shards; default: the machine's cores."""
    address: str | None = None
    """Ray only: the cluster to join; default: a Ray of its own on this machine."""


@dataclass(frozen=True)
class Node:
    """One stage of a recipe with its place in the graph."""

    name: str
    use: str
    stage: Stage
    inputs: tuple[str, ...]
    """Stages whose kept rows (or files) it reads, in the order of `from:`."""
    references: tuple[str, ...]
    """Stages that its other parameters name."""
    models: tuple[str, ...]
    """Models that its parameters name."""
    usd: float | None = None
    """What they may cost, in dollars. Enters no key."""


@dataclass(frozen=True)
class Recipe:
    """A checked recipe. `nodes` stand in an order in which each comes after what it reads; sources come first."""

    name: str
    seed: int
    engine: EngineSpec
    models: Mapping[str, ModelSpec]
    nodes: tuple[Node, ...]
    usd: float | None
    """What all models of a run may cost, in dollars. Enters no key."""
    text: str
    """The YAML that is equivalent to this recipe, overrides included."""
    tracker: str | None = None
    """What the run is mirrored to (curate/records/tracker.py). Enters no key."""
    keep: str = "all"
    """`last`: what earlier stages kept is removed once all is done (curate/run/released.py). Enters no key."""

    @classmethod
    def load(cls, path: str | Path, settings: Mapping[str, Any] | None = None, *, limit: int | None = None) -> "Recipe":
        """Read a recipe file, as `load` does."""
        return load(Path(path), settings, limit=limit)

    @classmethod
    def of(cls, value: Mapping[str, Any] | None = None, /, *, limit: int | None = None, **sections: Any) -> "Recipe":
        """Check a recipe given as a dictionary, or section by section (`name=`, `sources=`, `stages=`, ...).

        Modules that it names are looked for in the working directory. Raises UserError.
        """
        given = copy.deepcopy({**(value or {}), **sections})
        _limit(given, limit)
        return parse(given)

    def node(self, name: str) -> Node:
        """Return the stage of that name. Raises UserError with the nearest known name."""
        for node in self.nodes:
            if node.name == name:
                return node
        raise UserError(f"no stage {name!r} in recipe {self.name!r}{did_you_mean(name, [n.name for n in self.nodes])}")

    def until(self, name: str) -> tuple[Node, ...]:
        """Return the stages needed to finish `name`, in order."""
        needed = {self.node(name).name}
        for node in reversed(self.nodes):
            if node.name in needed:
                needed.update(node.inputs, node.references)
        return tuple(node for node in self.nodes if node.name in needed)


class _UniqueKeys(yaml.SafeLoader):
    """A safe loader that refuses a key given twice, where PyYAML would silently keep the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[Hashable] = set()
        for key_node, _ in node.value:
            if key_node.tag == "tag:yaml.org,2002:merge":
                continue
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, Hashable):
                raise UserError(f"line {key_node.start_mark.line + 1}: the key {str(key)[:100]} must be a word")
            if key in seen:
                raise UserError(f"line {key_node.start_mark.line + 1}: key {key!r} is given twice; keep one of them")
            seen.add(key)
        return super().construct_mapping(node, deep)


def load(path: Path, overrides: Mapping[str, Any] | None = None, *, limit: int | None = None) -> Recipe:
    """Read and check a recipe file; `overrides` maps dotted paths to values (`--set stages.minhash.threshold=0.7`),
    `limit` caps the documents of every source.

    Raises UserError for anything that could not run: a missing file, broken YAML, an unknown or doubled key,
    a wrong value, an unknown stage, a reference to nothing, a circle.
    """
    try:
        text = path.read_text(encoding="utf-8")
        value = _read_yaml(text)
    except FileNotFoundError as error:
        raise UserError(
            f"no recipe at {path}; give the path of a YAML file, such as recipes/quickstart.yaml"
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"cannot read recipe {path}: {error}") from error
    except UserError as error:
        raise UserError(f"{path}: {error}") from error
    if not isinstance(value, dict):
        raise UserError(f"{path} holds no recipe; it needs the keys name, sources and stages")
    for dotted, override in (overrides or {}).items():
        _override(value, dotted, override)
    _limit(value, limit)
    try:
        return parse(value, path.parent)
    except UserError as error:
        raise UserError(f"{path}: {error}") from error
    except RecursionError as error:
        raise UserError(f"{path}: {TOO_DEEP}") from error


def _limit(value: dict[str, Any], limit: int | None) -> None:
    for name in _section(value, "sources") if limit is not None else ():
        _override(value, f"sources.{name}.limit", limit)


def _read_yaml(text: str) -> Any:
    """Return the value of a YAML text. Raises UserError for what is none, or of which a key stands twice."""
    try:
        return yaml.load(text, Loader=_UniqueKeys)
    except RecursionError as error:
        raise UserError(TOO_DEEP) from error
    except (yaml.YAMLError, ValueError, TypeError, OverflowError) as error:  # such as a date with a 13th month
        raise UserError(f"it is not valid YAML: {' '.join(str(error).split())[:300]}") from error


def parse(value: Mapping[str, Any], folder: Path | None = None) -> Recipe:
    """Check a recipe given as nested dictionaries; modules that it names are looked for in `folder`.

    Raises UserError.
    """
    for key in value:
        if not isinstance(key, str) or key not in TOP_LEVEL:
            raise UserError(f"unknown key {key!r}{did_you_mean(str(key), TOP_LEVEL)}")
    name = value.get("name")
    if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", name):
        raise UserError(f"name: {name!r} must be letters, digits, '.', '_' or '-', such as quickstart")
    seed = value.get("seed", 0)
    if not isinstance(seed, int) or isinstance(seed, bool):
        raise UserError(f"seed: {seed!r} must be a whole number")
    engine = _model(EngineSpec, value.get("engine") or {}, "engine")
    models = {key: _model(ModelSpec, spec, f"models.{key}") for key, spec in _section(value, "models").items()}
    nodes = [_source_node(key, settings) for key, settings in _section(value, "sources").items()]
    if not nodes:
        raise UserError("sources: there are none; add one, such as `sources: {code: {installed: true}}`")
    stages = _section(value, "stages")
    previous: str | None = nodes[-1].name
    for key, settings in stages.items():
        if any(node.name == key for node in nodes):
            raise UserError(f"stages.{key}: the name {key!r} is taken by a source; rename one of them")
        nodes.append(_stage_node(key, settings, previous, models, folder))
        previous = key
    text = yaml.safe_dump(dict(value), sort_keys=False, allow_unicode=True)
    usd = _usd(value.get("usd"), "usd")
    _check_prices(usd, nodes, models)
    tracker = check_tracker(value["tracker"]) if value.get("tracker") is not None else None
    return Recipe(name, seed, engine, models, _in_order(nodes), usd, text, tracker, _keep(value.get("keep", "all")))


def _usd(value: Any, where: str) -> float | None:
    """Return a budget. Raises UserError for what is none."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < math.inf:
        raise UserError(f"{where}: {value!r} must be a number of dollars above 0, such as 5")
    return float(value)


def _keep(value: Any) -> str:
    if value not in KEEP:
        raise UserError(f"keep: {value!r} must be all or last")
    return str(value)


def _check_prices(usd: float | None, nodes: list[Node], models: Mapping[str, ModelSpec]) -> None:
    """Raise UserError for a budget that could not be kept: nobody is asked, or an endpoint without a price."""
    for node in nodes:
        if node.usd is not None and not node.models:
            raise UserError(f"stages.{node.name}.usd: {node.use} asks no model; remove it")
        for name in node.models if (usd, node.usd) != (None, None) else ():
            if models[name].backend == "openai" and models[name].usd_per_mtok is None:
                raise UserError(
                    f"models.{name}: `usd:` needs its price; give usd_per_mtok: [prompt, answer], in dollars a million "
                    f"tokens ([0, 0] where it costs nothing)"
                )


def keys(recipe: Recipe, stages: Path | None = None) -> dict[str, str]:
    """Return each stage's key: 12 hex digits that change when, and only when, its bytes could.

    A key hashes the stage's code name, its VERSION, the source of a stage of the user's own, its parameters, the run's
    seed, the models it names (which ones, not how fast or at what price), digests of outside data (source listings,
    benchmark files), and the keys of all stages it reads. Outside files that only look new keep the key that they had,
    if they were read by one of the stages in the folder `stages`.
    """
    found: dict[str, str] = {}
    for node in recipe.nodes:
        parts = {
            "use": node.use,
            "version": node.stage.VERSION,
            "parameters": node.stage.model_dump(mode="json", exclude=set(node.stage.PLACES)),
            "seed": recipe.seed,
            "models": {name: recipe.models[name].model_dump(mode="json") for name in node.models},
            "outside": _fingerprint(node, stages),
            "inputs": [found[name] for name in node.inputs],
            "references": {name: found[name] for name in node.references},
        }
        with named_after(node):
            if source := source_digest(type(node.stage)):
                parts["source"] = source
        canonical = json.dumps(parts, sort_keys=True, ensure_ascii=False)
        found[node.name] = hashlib.sha256(canonical.encode()).hexdigest()[:12]
    return found


def _fingerprint(node: Node, stages: Path | None) -> str:
    with named_after(node):
        outside = node.stage.outside()
        if not outside:
            return node.stage.fingerprint()
        earlier = sorted(stages.glob(f"{node.name}-*")) if stages is not None else []
        return digest(lines(outside, getattr(node.stage, "hash", "listing"), earlier))


@contextmanager
def named_after(node: Node) -> Iterator[None]:
    """Put a stage's name before what it complains of."""
    try:
        with answerable(type(node.stage)):
            yield
    except (UserError, Trouble) as error:
        raise (Trouble if isinstance(error, Trouble) else UserError)(f"{node.name}: {error}") from error


def explain(error: ValidationError, where: str, known: list[str]) -> UserError:
    """Turn pydantic's first complaint into one line with the path, the value and what would do."""
    first = error.errors()[0]
    path = ".".join([where, *map(str, first["loc"])])
    if first["type"] == "extra_forbidden":
        return UserError(f"{where}: unknown key {first['loc'][-1]!r}{did_you_mean(str(first['loc'][-1]), known)}")
    if first["type"] == "missing":
        return UserError(f"{path}: this key is required")
    cause = first.get("ctx", {}).get("error")
    message = str(cause) if isinstance(cause, Exception) else first["msg"][0].lower() + first["msg"][1:]
    return UserError(f"{path}: {first['input']!r} will not do: {message}")


def parse_override(text: str) -> tuple[str, Any]:
    """Split `a.b=c` into its dotted path and its YAML value. Raises UserError."""
    path, separator, value = text.partition("=")
    if not separator or not path:
        raise UserError(f"--set {text!r}: write it as path=value, such as stages.minhash.threshold=0.7")
    try:
        return path, _read_yaml(value)
    except UserError as error:
        raise UserError(f"--set {path}={value[:100]}: {error}") from error


def _override(value: dict[str, Any], dotted: str, override: Any) -> None:
    *path, last = dotted.split(".")
    place = value
    for key in path:
        inner = place.setdefault(key, {})
        if not isinstance(inner, dict):
            raise UserError(f"--set {dotted}: {key!r} holds {inner!r}, not further keys")
        place = inner
    place[last] = override


def _section(value: Mapping[str, Any], name: str) -> dict[str, Any]:
    section = value.get(name) or {}
    if not isinstance(section, dict):
        raise UserError(f"{name}: {section!r} must map names to settings")
    for key in section:
        if not isinstance(key, str) or not NAME.match(key):
            raise UserError(f"{name}: {key!r} must be a name of letters, digits and '_', such as minhash")
    return section


def _model(kind: type[Spec], settings: Any, where: str) -> Spec:
    if not isinstance(settings, dict):
        raise UserError(f"{where}: {settings!r} must be settings, such as {{key: value}}")
    _must_be_words(settings, where)
    try:
        return kind(**settings)
    except ValidationError as error:
        raise explain(error, where, list(kind.model_fields)) from error


def _must_be_words(settings: Mapping[Any, Any], where: str) -> None:
    """Raise UserError for a key that can be no parameter's name: `null`, a number, yes or no."""
    for key in settings:
        if not isinstance(key, str):
            raise UserError(f"{where}: the key {key!r} must be a word")


def _source_node(name: str, settings: Any) -> Node:
    from curate.sources.kinds import source_from

    where = f"sources.{name}"
    if not isinstance(settings, dict):
        raise UserError(f"{where}: {settings!r} must be settings, such as {{path: 'data/*.parquet'}}")
    _must_be_words(settings, where)
    try:
        stage = source_from(name, settings)
    except ValidationError as error:
        raise explain(error, where, list(settings)) from error
    except UserError as error:
        raise UserError(f"{where}: {error}") from error
    kind = next(kind for kind, target in SOURCES.items() if target.endswith(f":{type(stage).__name__}"))
    return Node(name, f"source.{kind}", stage, (), (), ())


def _stage_node(
    name: str, settings: Any, previous: str | None, models: Mapping[str, ModelSpec], folder: Path | None
) -> Node:
    where = f"stages.{name}"
    if not isinstance(settings, dict) or "use" not in settings:
        raise UserError(f"{where}: say what it does with `use:`, one of {', '.join(STAGES)}")
    _must_be_words(settings, where)
    use, given = settings["use"], settings.get("from", previous)
    parameters = {key: value for key, value in settings.items() if key not in ("use", "from", "usd")}
    try:
        kind = stage_class(str(use), folder)
    except UserError as error:
        raise UserError(f"{where}: {error}") from error
    try:
        with answerable(kind):
            stage = kind(**parameters)
    except ValidationError as error:
        raise explain(error, where, ["use", "from", "usd", *kind.model_fields]) from error
    inputs = tuple(given) if isinstance(given, list) else (given,)
    if not inputs or not all(isinstance(i, str) for i in inputs) or len(set(inputs)) < len(inputs):
        raise UserError(f"{where}.from: {given!r} must be a stage or a list of different stages")
    named = _named(stage, "model")
    for model in named:
        if model not in models:
            raise UserError(f"{where}: no model {model!r} under models:{did_you_mean(model, models)}")
    try:
        with answerable(kind):
            stage.check_inputs(inputs)
    except UserError as error:
        raise UserError(f"{where}: {error}") from error
    return Node(name, str(use), stage, inputs, _named(stage, "stage"), named, _usd(settings.get("usd"), f"{where}.usd"))


def _named(stage: Stage, kind: str) -> tuple[str, ...]:
    """Return the names that a stage's parameters of one reference kind hold."""
    names = []
    for field, info in type(stage).model_fields.items():
        value = getattr(stage, field)
        if value is not None and _refers(info.annotation, info.metadata, kind):
            names.append(str(value))
    return tuple(names)


def _refers(annotation: Any, metadata: list[Any], kind: str) -> bool:
    """Tell whether a field is `StageRef`/`ModelRef`, bare or as a part of `StageRef | None`."""
    marks = [*metadata, *getattr(annotation, "__metadata__", ())]
    for part in getattr(annotation, "__args__", ()):
        marks.extend(getattr(part, "__metadata__", ()))
    return any(isinstance(mark, Reference) and mark.kind == kind for mark in marks)


def _in_order(nodes: list[Node]) -> tuple[Node, ...]:
    """Sort stages so that each follows what it reads, keeping the recipe's order otherwise."""
    by_name = {node.name: node for node in nodes}
    for node in nodes:
        for name in (*node.inputs, *node.references):
            if name not in by_name:
                raise UserError(f"stages.{node.name}: no stage {name!r}{did_you_mean(name, by_name)}")
        for name in node.inputs:
            _check_edge(by_name[name], node)
    ordered: dict[str, Node] = {}
    waiting = list(nodes)
    while waiting:
        ready = next((n for n in waiting if all(name in ordered for name in (*n.inputs, *n.references))), None)
        if ready is None:
            circle = ", ".join(node.name for node in waiting)
            raise UserError(f"stages: {circle} wait for each other in a circle; cut it")
        ordered[ready.name] = ready
        waiting.remove(ready)
    return tuple(ordered.values())


def _check_edge(above: Node, below: Node) -> None:
    """Refuse to feed documents to a stage that reads models, and the reverse."""
    gives, wants = above.stage.YIELDS, below.stage.READS
    if gives != wants:
        raise UserError(
            f"stages.{below.name}: {below.use} reads {wants}, but {above.name!r} ({above.use}) yields {gives}; "
            f"name another stage under from:"
        )
