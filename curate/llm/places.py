"""Where a model's name points: a folder, a GGUF file, a file inside an installed package, or a name on the hub.

`locate` touches the file system only; `check_hub` asks the hub, briefly, for what is not in its cache.
"""

import importlib.util
from dataclasses import dataclass
from pathlib import Path

from curate.errors import UserError
from curate.machine.network import missing_on_hub, unreachable_hub

PACKAGE = "pkg://"


@dataclass(frozen=True)
class Place:
    """What `from_pretrained` wants: a folder or hub name, and for GGUF the file's name in that folder."""

    name: str
    gguf_file: str | None = None

    @property
    def path(self) -> str:
        """The folder, file or hub name as one word."""
        return f"{self.name}/{self.gguf_file}" if self.gguf_file else self.name


def locate(model: str) -> Place:
    """Return where a model lives. Raises UserError for a path or package that is not there."""
    if model.startswith(PACKAGE):
        return _at(_inside_package(model), model)
    path = Path(model).expanduser()
    if path.exists():
        return _at(path, model)
    if model.startswith((".", "/", "~")) or model.endswith(".gguf") or model.count("/") != 1:
        raise UserError(
            f"no model at {model!r}; give a folder with safetensors, a GGUF file, pkg://package/file or a hub name"
        )
    return Place(model)


def check_hub(place: Place) -> None:
    """Raise UserError for a hub name that is neither in the hub's cache nor on the hub."""
    if Path(place.name).exists() or _is_cached(place.name):
        return
    why = unreachable_hub()
    if why is not None:
        raise UserError(
            f"model {place.name!r} is no folder here, not in the hub's cache, and the hub cannot be reached ({why}); "
            f"name a folder, or download it first: hf download {place.name}"
        )
    missing = missing_on_hub(place.name, "model")
    if missing is not None:
        raise UserError(f"model {place.name!r}: {missing}")


def _is_cached(name: str) -> bool:
    """Tell whether the hub's cache holds a config and weights of a model."""
    from huggingface_hub import try_to_load_from_cache

    config = try_to_load_from_cache(name, "config.json")
    if not isinstance(config, str):
        return False
    return any(path.suffix in (".safetensors", ".bin") for path in Path(config).parent.iterdir())


def _at(path: Path, model: str) -> Place:
    if path.is_dir():
        if not (path / "config.json").exists():
            raise UserError(f"{model!r} holds no config.json; give the folder that the model was saved to")
        return Place(str(path))
    if path.suffix != ".gguf":
        raise UserError(f"{model!r} is a file but no GGUF file; give the model's folder or a .gguf file")
    return Place(str(path.parent), path.name)


def _inside_package(model: str) -> Path:
    """Find the file without importing the package: its code need not run."""
    package, _, file = model.removeprefix(PACKAGE).partition("/")
    try:
        spec = importlib.util.find_spec(package) if package.isidentifier() else None
    except ImportError as error:
        raise UserError(f"{model!r}: cannot look into package {package!r}: {error}") from error
    if spec is None:
        raise UserError(f"{model!r}: package {package!r} is not installed; install it or name another model")
    for folder in spec.submodule_search_locations or ():
        if file and (Path(folder) / file).exists():
            return Path(folder) / file
    raise UserError(f"{model!r}: package {package!r} holds no {file!r}; look at its files")
