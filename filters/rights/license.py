"""`filter.license`: which licence a document stands under, how that is known, and whether it may be used.

In: Documents with any of: a licence in their text's header, a licence column, a column that names their repository or
package. Out: the same with `license_spdx` (an SPDX expression, null if unknown) and `license_from`: `header` (what the
file says of itself comes first), `metadata` (the column), `repository` (more than half of the repository's files whose
licence is known stand under it), `unclear` (the header claims rights in words that are not understood: the licence is
unknown, whatever others say), or `absent`. Dropped: what is not on the list of allowed licences, and by policy what is
unknown.

What a header says is a matter of filters/rights/headers.py, what names mean of curate/text/licenses.py. Full texts in
LICENSE files are a matter of the source.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping
from typing import ClassVar, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from curate.errors import UserError
from curate.files.shards import read_shard, write_shard
from curate.filters.rights.headers import SUSPICION, UNCLEAR, header_license
from curate.llm.types import ModelSpec
from curate.stage import Columns, Context, GlobalFilter, Map, Metrics, Need, Verdict
from curate.text.licenses import ALLOWED, check_identifiers, is_allowed, spdx

REPOSITORIES = ("repo", "repository", "repo_name", "repository_name", "max_stars_repo_name", "package", "project")
LICENSES = ("license", "licence", "licenses", "max_stars_repo_licenses", "license_expression")
HEADER_CHARACTERS = 5000


class License(GlobalFilter):
    """Keep documents under permissive licences; say which licence it is and where that is known from."""

    VERSION: ClassVar[int] = 2

    allow: list[str] = Field(default=list(ALLOWED), min_length=1)
    """SPDX identifiers of the licences that may be used."""
    unknown: Literal["drop", "keep"] = "drop"
    """What is done about documents of which no licence is known."""
    column: str | None = None
    """The column that holds a licence; by default the first of the usual names that there is."""
    repository: str | None = None
    """The column that names the repository or package; by default the first of the usual names that there is."""

    def needs(self) -> list[Need]:
        """List the columns that the recipe names."""
        named = {"column": self.column, "repository": self.repository}
        return [Need((name,), f"{parameter}: {name}") for parameter, name in named.items() if name]

    def adds(self) -> Columns:
        """List the licence and where it is known from."""
        return dict.fromkeys(["license_spdx", "license_from"], pa.string())

    def check(self, models: Mapping[str, ModelSpec]) -> None:  # noqa: ARG002 - the contract's shape
        """Refuse a licence that SPDX does not know: nothing would ever be allowed by it."""
        check_identifiers(self.allow)

    def sketch(self, shard: pa.Table, context: Context) -> pa.Table:  # noqa: ARG002 - the contract's shape
        """Return how many documents of each repository state each licence."""
        stated, _ = self._stated(shard)
        table = pa.table({"repository": self._repositories(shard), "license": stated})
        known = table.filter(pc.and_(pc.is_valid(table["license"]), pc.is_valid(table["repository"])))
        counted = known.group_by(["repository", "license"]).aggregate([([], "count_all")])
        return counted.sort_by([("repository", "ascending"), ("license", "ascending")])

    def plan(self, context: Context, map: Map) -> Metrics:  # noqa: ARG002 - the contract's shape
        """Find the licence that more than half of a repository's files state."""
        sketches = [read_shard(path) for path in sorted((context.plan / "sketches").glob("*.parquet"))]
        counts: dict[str, Counter[str]] = defaultdict(Counter)
        for row in (row for sketch in sketches for row in sketch.to_pylist()):
            counts[row["repository"]][row["license"]] += row["count_all"]
        majority = {
            name: license
            for name in sorted(counts)
            for license, count in counts[name].items()
            if 2 * count > counts[name].total()
        }
        columns = {"repository": majority.keys(), "license": majority.values()}
        table = pa.table({name: pa.array(values, pa.string()) for name, values in columns.items()})
        write_shard(table, context.plan / "repositories.parquet")
        return {"repositories": float(len(majority))}

    def judge(self, shard: pa.Table, context: Context) -> Verdict:
        """Return licence, its origin, and whether it is allowed."""
        stated, origin = self._stated(shard)
        table = read_shard(context.plan / "repositories.parquet")
        place = pc.index_in(self._repositories(shard), value_set=table.column("repository").combine_chunks())
        imputed = table.column("license").combine_chunks().take(place)
        is_unclear = pc.equal(origin, UNCLEAR).fill_null(False)
        license_spdx = pc.if_else(is_unclear, pa.scalar(None, pa.string()), pc.coalesce(stated, imputed))
        absent = pc.if_else(pc.is_valid(imputed), "repository", "absent")
        distinct = license_spdx.dictionary_encode()
        allowed = [is_allowed(name, self.allow) for name in distinct.dictionary.to_pylist()]
        fine = pa.array(allowed, pa.bool_()).take(distinct.indices)
        unknown = pa.scalar("license unknown" if self.unknown == "drop" else None, pa.string())
        bad = pc.if_else(fine, pa.scalar(None, pa.string()), pa.scalar("license not allowed", pa.string()))
        return Verdict(
            reasons=pc.if_else(pc.is_null(license_spdx), unknown, bad),
            columns={"license_spdx": license_spdx, "license_from": pc.coalesce(origin, absent)},
        )

    def _stated(self, shard: pa.Table) -> tuple[pa.Array, pa.Array]:
        """Return what each document says of itself, or its metadata do, and which of them it was."""
        found = header_licenses(shard.column("text"))
        headers = pa.array([None if license == UNCLEAR else license for license in found], pa.string())
        unclear = pa.array([license == UNCLEAR for license in found], pa.bool_())
        column = _find(shard, self.column, LICENSES, "column")
        metadata = _normalised(shard.column(column)) if column else pa.nulls(shard.num_rows, pa.string())
        second = pc.if_else(pc.is_valid(metadata), "metadata", pa.scalar(None, pa.string()))
        stated = pc.if_else(unclear, pa.scalar(None, pa.string()), pc.coalesce(headers, metadata))
        return stated, pc.if_else(unclear, UNCLEAR, pc.if_else(pc.is_valid(headers), "header", second))

    def _repositories(self, shard: pa.Table) -> pa.Array:
        column = _find(shard, self.repository, REPOSITORIES, "repository")
        if column is None:
            return pa.nulls(shard.num_rows, pa.string())
        return shard.column(column).cast(pa.string()).combine_chunks()


def _find(shard: pa.Table, given: str | None, usual: tuple[str, ...], parameter: str) -> str | None:
    """Return the name of a column. Raises UserError for one that was asked for and is not there."""
    if given is not None and given not in shard.column_names:
        there = ", ".join(shard.column_names)
        raise UserError(f"{parameter}: there is no column {given!r}; keep it in the source, or name one of: {there}")
    return given or next((name for name in usual if name in shard.column_names), None)


def _normalised(values: pa.ChunkedArray) -> pa.Array:
    """Return the SPDX expressions of a column of names, or of lists of names, which hold together."""
    if pa.types.is_list(values.type) or pa.types.is_large_list(values.type):
        return pa.array([spdx("; ".join(map(str, value or []))) for value in values.to_pylist()], pa.string())
    distinct = values.combine_chunks().cast(pa.string()).dictionary_encode()
    names = pa.array([spdx(name) for name in distinct.dictionary.to_pylist()], pa.string())
    return names.take(distinct.indices)


def header_licenses(texts: pa.ChunkedArray) -> list[str | None]:
    """Return the licence that each text gives in the comments and the docstring above its code; see headers.py."""
    heads = pc.utf8_slice_codeunits(texts, 0, HEADER_CHARACTERS)
    suspects = np.flatnonzero(pc.match_substring_regex(heads, SUSPICION).fill_null(False).to_numpy())
    found: list[str | None] = [None] * len(texts)
    for row, head in zip(suspects.tolist(), heads.take(pa.array(suspects)).to_pylist(), strict=True):
        found[row] = header_license(head)
    return found
