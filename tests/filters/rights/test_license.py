from typing import Any

import pyarrow as pa
import pytest

from curate.errors import UserError
from curate.files.shards import documents, write_shard
from curate.filters.rights.license import License, header_license
from curate.stage import Context

APACHE = """# Copyright 2024 The Authors. All rights reserved.
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
x = 1
"""
BSD = '''"""A module.

Redistribution and use in source and binary forms, with or without
modification, are permitted. Neither the name of the University nor the
names of its contributors may be used.
"""
'''
HEADERS = {
    "x = 1\n": None,
    "# SPDX-License-Identifier: MIT\nx = 1\n": "MIT",
    "#!/usr/bin/python\n# coding: utf-8\n# SPDX-License-Identifier: (mit OR Apache-2.0)\n": "(MIT OR Apache-2.0)",
    "# SPDX-License-Identifier: MIT\n# SPDX-License-Identifier: GPL-2.0-only\n": "GPL-2.0-only AND MIT",
    APACHE: "Apache-2.0",
    BSD: "BSD-3-Clause",
    "# Permission is hereby granted, free of\n# charge, to any person\n": "MIT",
    "# This program is free software under the GNU General\n# Public License; parts: MIT License.\n": "LicenseRef-GPL",
    'TEXT = """Permission is hereby granted, free of charge, to any person"""\n': None,
    "import os\n# SPDX-License-Identifier: MIT\n": None,
    "# see the license file\n": None,
}


@pytest.mark.parametrize("text", HEADERS)
def test_a_header_says_which_licence_a_file_is_under(text: str) -> None:
    assert header_license(text) == HEADERS[text]


def judge(stage: License, context: Context, *shards: list[dict[str, Any]]) -> list[dict[str, Any]]:
    tables = [documents({"source": "test", "text": "x = 1\n", **row} for row in rows) for rows in shards]
    for number, table in enumerate(tables):
        write_shard(stage.sketch(table, context), context.plan / "sketches" / f"{number}.parquet")
    stage.plan(context, lambda function, items: [function(item) for item in items])
    found = []
    for table in tables:
        kept, dropped = stage.judge(table, context).split(table)
        found += kept.append_column("reason", pa.nulls(kept.num_rows, pa.string())).to_pylist() + dropped.to_pylist()
    return sorted(found, key=lambda row: str(row["id"]))


def test_the_file_speaks_first_then_its_metadata_then_its_repository(context: Context) -> None:
    one = [
        {"id": "a", "repo": "r", "license": "GPL-3.0-only", "text": APACHE},
        {"id": "b", "repo": "r", "license": "apache-2.0"},
        {"id": "c", "repo": "r", "license": None},
    ]
    two = [
        {"id": "d", "repo": "s", "license": "UNKNOWN"},
        {"id": "e", "repo": "r", "license": "MIT"},
        {"id": "f", "repo": None, "license": None},
        {"id": "g", "repo": "s", "license": "GPL-3.0-only"},
    ]
    found = judge(License(), context, one, two)
    assert [(row["license_spdx"], row["license_from"], row["reason"]) for row in found] == [
        ("Apache-2.0", "header", None),
        ("Apache-2.0", "metadata", None),
        ("Apache-2.0", "repository", None),
        ("GPL-3.0-only", "repository", "license not allowed"),
        ("MIT", "metadata", None),
        (None, "absent", "license unknown"),
        ("GPL-3.0-only", "metadata", "license not allowed"),
    ]


def test_a_repository_of_two_minds_says_nothing(context: Context) -> None:
    rows = [
        {"id": "a", "repo": "r", "license": "MIT"},
        {"id": "b", "repo": "r", "license": "ISC"},
        {"id": "c", "repo": "r"},
    ]
    assert judge(License(), context, rows)[2]["license_from"] == "absent"


def test_what_is_unknown_and_what_is_allowed_are_policy(context: Context) -> None:
    rows = [{"id": "a", "license": "MIT"}, {"id": "b", "license": None}]
    found = judge(License(unknown="keep", allow=["ISC"]), context, rows)
    assert [row["reason"] for row in found] == ["license not allowed", None]


def test_lists_of_licences_hold_together_and_columns_may_be_named(context: Context) -> None:
    rows = [{"id": "a", "terms": ["MIT", "Apache-2.0"], "home": "r"}, {"id": "b", "terms": [], "home": "r"}]
    found = judge(License(column="terms", repository="home"), context, rows)
    assert [(row["license_spdx"], row["license_from"]) for row in found] == [
        ("Apache-2.0 AND MIT", "metadata"), ("Apache-2.0 AND MIT", "repository"),
    ]  # fmt: skip


def test_without_any_column_the_headers_decide(context: Context) -> None:
    found = judge(License(), context, [{"id": "a", "text": APACHE}, {"id": "b"}], [])
    assert [row["license_from"] for row in found] == ["header", "absent"]


def test_mistakes_are_named(context: Context) -> None:
    with pytest.raises(UserError, match="column: there is no column 'terms'"):
        judge(License(column="terms"), context, [{"id": "a"}])
    with pytest.raises(UserError, match=r"'Apache 2' is no SPDX identifier.*'Apache-2.0'"):
        License(allow=["Apache 2"]).check({})
    License().check({})


def test_a_header_that_is_not_understood_gets_no_licence_from_elsewhere(context: Context) -> None:
    mit = [{"id": f"m{number}", "repo": "r", "license": "MIT"} for number in range(9)]
    own = {"id": "a", "repo": "r", "license": "MIT", "text": "# Copyright Foo. All rights reserved.\nx = 1\n"}
    for unknown, reason in (("drop", "license unknown"), ("keep", None)):
        found = judge(License(unknown=unknown), context, [own, *mit])[0]
        assert (found["license_spdx"], found["license_from"], found["reason"]) == (None, "unclear", reason)
