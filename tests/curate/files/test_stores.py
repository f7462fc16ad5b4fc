"""Stores: every reader against a real S3 server on loopback, and what happens when it, or the way to it, fails."""

import gzip
import json
import logging
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
import zstandard
from moto.server import ThreadedMotoServer

from curate.errors import Trouble, UserError
from curate.sources.kinds import Folder, source_from
from tests.conftest import Run
from tests.curate.files.failing_proxy import Faults, failing_proxy
from tests.curate.sources.test_sources import ids, read_all, texts

SETTINGS = {
    "AWS_ACCESS_KEY_ID": "key",
    "AWS_SECRET_ACCESS_KEY": "secret",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_MAX_ATTEMPTS": "2",  # what the store's client tries itself, here to save time
}
ROWS = [{"text": f"x = {n}\n# " + "abcdefgh " * 500, "sha": f"{n:03}"} for n in range(300)]
TEXTS = [row["text"] for row in ROWS]
FILES = {"a.jsonl": bytes, "a.jsonl.gz": gzip.compress, "a.jsonl.zst": zstandard.compress}


@pytest.fixture(scope="module")
def store() -> Iterator[Faults]:
    """An S3 server that holds the rows in every format, behind a proxy; the environment leads to it."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    with pytest.MonkeyPatch.context() as patch, failing_proxy(server.get_host_and_port()[1]) as (url, faults):
        for name, value in {**SETTINGS, "AWS_ENDPOINT_URL": url}.items():
            patch.setenv(name, value)
        for place in ("tenacity.nap.time.sleep", "botocore.retryhandler.delay_exponential"):
            patch.setattr(place, lambda *_, **__: 0)  # the pauses alone
        patch.setattr("s3fs.S3FileSystem.retries", 2)
        system = fsspec.filesystem("s3")
        system.mkdir("corpus")
        lines = "".join(json.dumps(row) + "\n" for row in ROWS).encode()
        for name, pack in FILES.items():
            system.pipe(f"corpus/{name}", pack(lines))
        system.pipe("corpus/a.json", json.dumps(ROWS, indent=1).encode())
        with system.open("corpus/a.parquet", "wb") as file:
            pq.write_table(pa.Table.from_pylist(ROWS), file, row_group_size=70)
        for n, text in enumerate(TEXTS[:5]):
            system.pipe(f"corpus/code/deep/{n}.py", text.encode())
        yield faults
        system.clear_instance_cache()
    server.stop()


@pytest.fixture(autouse=True)
def no_faults(store: Faults) -> None:
    store.reset()
    fsspec.filesystem("s3").invalidate_cache()


def read(**settings: Any) -> list[str]:
    made = read_all(source_from("code", settings))
    assert made.rejected.num_rows == 0
    assert len(set(ids(made))) == len(ids(made))
    return texts(made)


def nothing(_: Faults) -> None:
    pass


def errors(faults: Faults) -> None:
    faults.errors = 0.4


def cuts(faults: Faults) -> None:
    faults.cuts = 0.4


@pytest.mark.parametrize("fault", [nothing, errors, cuts])
@pytest.mark.parametrize("name", [*FILES, "a.json", "*.parquet"])
def test_files_of_every_format_are_read_whole_through_errors_and_cuts(
    name: str, fault: Callable[[Faults], None], store: Faults
) -> None:
    fault(store)
    assert read(path=f"s3://corpus/{name}", id="sha", shard_rows=120) == TEXTS


def test_how_much_a_store_holds_is_told_by_footers_and_listings(store: Faults) -> None:
    held = source_from("code", {"path": "s3://corpus/a.parquet"}).volume()
    assert held.documents == 300 and held.text_bytes == pytest.approx(sum(map(len, TEXTS)), rel=0.05)
    few = source_from("code", {"path": "s3://corpus/a.parquet", "limit": 30}).volume()
    assert few.documents == pytest.approx(30) and few.text_bytes == pytest.approx((held.text_bytes or 0) / 10)
    assert Folder(folder="s3://corpus/code").volume().documents == 5


@pytest.mark.parametrize("fault", [nothing, errors, cuts])
def test_a_folder_is_read_whole_through_errors_and_cuts(fault: Callable[[Faults], None], store: Faults) -> None:
    fault(store)
    assert read(folder="s3://corpus/code") == TEXTS[:5]


@pytest.mark.parametrize(
    "settings", [{"folder": "s3://corpus/code"}, {"path": "s3://corpus/a.jsonl"}, {"path": "s3://corpus/*.parquet"}]
)
@pytest.mark.parametrize("fault", ["errors", "cuts"])
def test_a_store_that_fails_for_good_is_trouble_and_never_a_drop(
    settings: dict[str, str], fault: str, store: Faults
) -> None:
    source = source_from("code", settings)
    parts = source.parts()
    setattr(store, fault, 1.0)
    with pytest.raises(Trouble, match=r"cannot read s3://corpus/.*3 attempts.*run again") as caught:
        source.read(parts[0])
    assert "\n" not in str(caught.value)
    store.reset()
    assert source.read(parts[0]).documents.num_rows in (5, 300)


def test_a_listing_that_fails_is_trouble_and_not_an_empty_folder(store: Faults) -> None:
    store.errors = 1.0
    for settings in ({"folder": "s3://corpus/code"}, {"path": "s3://corpus/a.jsonl"}, {"path": "s3://corpus/*.jsonl"}):
        with pytest.raises(Trouble, match="cannot read s3://corpus/"):
            source_from("code", settings).parts()


def test_what_is_not_there_or_not_allowed_is_a_mistake_in_one_line(
    store: Faults, monkeypatch: pytest.MonkeyPatch
) -> None:
    cases = {
        "s3://corpus/no.jsonl": "no file matches",
        "s3://nowhere/*.jsonl": "no file matches|does not exist",
        "s3://bad_!/a.jsonl": "check the name",
    }
    for path, line in cases.items():
        with pytest.raises(UserError, match=line):
            source_from("code", {"path": path}).parts()
    with pytest.raises(UserError, match="no folder"):
        Folder(folder="s3://corpus/none").parts()


def test_without_credentials_or_where_nobody_answers_it_is_told_in_one_line(
    store: Faults, monkeypatch: pytest.MonkeyPatch
) -> None:
    system = fsspec.filesystem("s3")
    try:
        monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
        system.clear_instance_cache()
        with pytest.raises(Trouble, match="Could not connect"):
            source_from("code", {"path": "s3://corpus/a.jsonl"}).parts()
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            monkeypatch.delenv(name)
        monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        system.clear_instance_cache()
        with pytest.raises(UserError, match="credentials"):
            source_from("code", {"path": "s3://corpus/a.jsonl"}).parts()
    finally:
        monkeypatch.undo()
        system.clear_instance_cache()


def test_a_web_server_that_does_not_answer_is_trouble_and_not_an_absent_file() -> None:
    with pytest.raises(Trouble, match=r"127\.0\.0\.1:9"):
        source_from("code", {"path": "http://127.0.0.1:9/a.jsonl"}).parts()


def test_a_run_leaves_the_shard_of_an_outage_to_the_next_run(store: Faults, tmp_path: Path, curate: Run) -> None:
    recipe = {
        "name": "r",
        "sources": {"code": {"folder": "s3://corpus/code", "shard_rows": 2}},
        "stages": {"exact": {"use": "dedup.exact"}},
    }
    (tmp_path / "r.yaml").write_text(yaml.safe_dump(recipe))
    command = ("run", tmp_path / "r.yaml", "--runs", tmp_path, "--workers", 1)
    store.errors, store.only = 1.0, "deep/3.py"
    begun = time.monotonic()
    failed = curate(*command, env={"AWS_MAX_ATTEMPTS": "1"})
    assert time.monotonic() - begun < 40
    assert failed.returncode == 2, failed.stderr
    assert failed.stderr.splitlines()[-1].startswith(
        "failed: code: 1 of 3 shards failed; 000001: cannot read s3://corpus"
    )
    store.reset()
    done = curate(*command, env={})
    assert done.returncode == 0, done.stderr
    assert "5 kept" in done.stderr
    stats = [json.loads(path.read_text()) for path in (tmp_path / "r").glob("stages/*/stats.json")]
    assert [(each["rows_kept"], each["rows_dropped"]) for each in stats] == [(5, 0), (5, 0)]


def test_a_run_cannot_live_on_a_store(store: Faults, tmp_path: Path, curate: Run) -> None:
    for place in ("s3://corpus/runs", "file:///tmp/runs"):
        done = curate("run", "recipes/quickstart.yaml", "--runs", place)
        assert done.returncode == 1
        assert done.stderr.startswith(f"error: --runs {place}: ")
    assert not Path("s3:").exists()
