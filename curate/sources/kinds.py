"""Sources: outside data in, Documents out.

`source_from(name, settings)` turns one entry of a recipe's `sources:` into a Source by the key it holds:

    {installed: true, limit: 6000}                            the Python files on this machine
    {packages: "packages.txt"}                                the Python files of pinned wheels
    {folder: "src/", pattern: "*.py"}                         a folder of source files
    {path: "data/*.parquet", text: content, id: hexsha}       Parquet files (.parquet)
    {path: "data/*.jsonl.zst", text: content, keep: [repo]}   JSON Lines or arrays of objects (.jsonl, .json, .ndjson,
                                                              plain, .gz, .zst; UTF-8, or UTF-16 or -32 by its mark)
    {hub: bigcode/the-stack-smol, split: train, text: content}   a data set of the Hugging Face hub

`path` and `folder` may lie on any fsspec store (s3://, gs://, hf://, ...). Every row read becomes a Document or a
rejected row with a reason (curate/sources/rows.py). Ids: those of the `id` column, else made from the source's name,
the file's name and the row's place in it. Ids of an `id` column are compared over the whole source before anything is
read; of rows with the same id the first in source order stays, the others are rejected as "duplicate id". Ids of two
sources with `id` columns are not compared with each other.
"""

from collections.abc import Mapping
from typing import Any

from curate.errors import UserError, did_you_mean
from curate.sources.base import BaseSource
from curate.sources.files import Folder, Installed
from curate.sources.packages import Packages
from curate.sources.tables import Hub, JsonLines, ParquetFiles
from curate.stage import Source

__all__ = ["Folder", "Hub", "Installed", "JsonLines", "Packages", "ParquetFiles", "source_from"]

JSON_LINES = (".jsonl", ".json", ".ndjson")
KINDS: Mapping[str, type[BaseSource]] = {"folder": Folder, "hub": Hub, "packages": Packages}
"""What the keys stand for that are a parameter of one class."""


def source_from(name: str, settings: Mapping[str, Any]) -> Source:
    """Return the Source that a recipe's entry describes; the key it holds says which kind it is.

    Raises UserError for an entry of no kind and for an unknown key, pydantic's ValidationError for a wrong value.
    """
    kinds = [key for key in ("installed", "path", *KINDS) if key in settings]
    if len(kinds) != 1:
        given = ", ".join(map(str, settings)) or "nothing"
        raise UserError(
            f"give exactly one of `installed: true`, `packages:`, `folder:`, `path:` and `hub:`; given: {given}"
        )
    values = dict(settings)
    kind: type[BaseSource]
    if kinds == ["installed"]:
        if values.pop("installed") is not True:
            raise UserError(f"installed: {settings['installed']!r} will not do; write `installed: true`")
        kind = Installed
    else:
        kind = _kind_of_path(str(values["path"])) if kinds == ["path"] else KINDS[kinds[0]]
    known = [*(field for field in kind.model_fields if field != "name"), *(["installed"] if kind is Installed else [])]
    for key in settings:
        if key not in known:
            raise UserError(f"unknown key {key!r}{did_you_mean(str(key), known)}")
    return kind(name=name, **values)


def _kind_of_path(path: str) -> "type[ParquetFiles] | type[JsonLines]":
    name = path.removesuffix(".gz").removesuffix(".zst")
    if path.endswith(".parquet"):
        return ParquetFiles
    if name.endswith(JSON_LINES):
        return JsonLines
    raise UserError(
        f"path: {path!r} must end in .parquet, .jsonl, .json or .ndjson (the last three also with .gz or .zst); "
        f"for source files use `folder:`"
    )
