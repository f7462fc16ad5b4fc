"""`curate export --push`: a whole data set or model in one commit, and one clear line for whatever goes wrong."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import Run
from tests.curate.export.test_corpus import files_of, make_run
from tests.hub import TOKEN, Hub, open_hub


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_run(tmp_path_factory.mktemp("runs"))


@pytest.fixture(scope="module")
def served() -> Iterator[Hub]:
    """One hub for all: with its address the process stays the same that the commands run in."""
    with open_hub() as hub:
        yield hub


@pytest.fixture
def hub(served: Hub) -> Hub:
    served.forget()
    return served


def test_a_corpus_arrives_byte_for_byte_in_one_commit_and_is_private(
    hub: Hub, run: Path, tmp_path: Path, curate: Run
) -> None:
    out = tmp_path / "out"
    done = curate("export", run, "--to", out, "--shard-mb", 0.02, "--push", "me/goods", env=hub.environment)
    assert done.returncode == 0, done.stderr
    assert f"pushed: {hub.url}/me/goods/commit/" in done.stdout
    held = hub.repositories["dataset/me/goods"]
    assert {name: held[name] for name in files_of(out)} == files_of(out) and set(held) - set(files_of(out)) == {
        ".gitattributes"
    }
    assert hub.private == {"dataset/me/goods": True} and hub.commits == 1
    # Another corpus under the same name: the files that it does not have are gone, in one commit.
    again = curate("export", run, "--to", out, "--overwrite", "--push", "me/goods", env=hub.environment)
    assert again.returncode == 0, again.stderr
    assert {name for name in held if name.startswith("data/")} == {"data/train-00000-of-00001.parquet"}
    assert hub.commits == 2


def test_a_public_repository_is_made_only_when_asked_for(hub: Hub, run: Path, tmp_path: Path, curate: Run) -> None:
    done = curate("export", run, "--to", tmp_path / "out", "--push", "me/open", "--public", env=hub.environment)
    assert done.returncode == 0 and hub.private == {"dataset/me/open": False}


def test_what_is_known_before_is_said_before_any_work(hub: Hub, run: Path, tmp_path: Path, curate: Run) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        nowhere = f"http://127.0.0.1:{closed.getsockname()[1]}"
        cases = [
            ("me/goods", {"HF_TOKEN": "", "HF_TOKEN_PATH": str(tmp_path / "none")}, "no token; set HF_TOKEN"),
            ("me/goods", {"HF_TOKEN": "hf_wrong"}, "the hub answered 401"),
            ("me/goods", {"HF_ENDPOINT": nowhere}, "the hub does not answer"),
            ("me/go ods", {}, "no name on the hub; write it as owner/name"),
            ("goods", {}, "write it as owner/name"),
        ]
        for name, environment, words in cases:
            arguments = ("export", run, "--to", tmp_path / "out", "--push", name)
            done = curate(*arguments, env={**hub.environment, **environment})
            assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1), done.stderr
            assert words in done.stderr and TOKEN not in done.stderr and not (tmp_path / "out").exists()
    assert hub.repositories == {}


@pytest.mark.parametrize(
    ("part", "status", "words"),
    [
        ("/api/repos/create", 403, "may not write there"),
        ("/preupload/", 404, "no such owner or repository"),
        ("/commit/", 409, "changed from elsewhere"),
        ("/commit/", 500, "the hub answered 500"),
    ],
)
def test_what_the_hub_refuses_is_one_line_and_the_same_command_sends_what_stands(
    part: str, status: int, words: str, hub: Hub, run: Path, tmp_path: Path, curate: Run
) -> None:
    arguments = ("export", run, "--to", tmp_path / "out", "--push", "me/goods")
    hub.refuse[part] = (status, "no\x1b[31m\nfurther")
    done = curate(*arguments, env=hub.environment)
    assert (done.returncode, done.stdout) == (1, "") and "\x1b" not in done.stderr
    last = done.stderr.splitlines()[-1]
    assert words in last and f"{tmp_path / 'out'} is whole" in last and "Traceback" not in done.stderr
    before = files_of(tmp_path / "out")
    assert "README.md" in before and not hub.repositories.get("dataset/me/goods", {}).keys() & before.keys()
    hub.refuse.clear()
    again = curate(*arguments, env=hub.environment)
    assert again.returncode == 0, again.stderr
    assert files_of(tmp_path / "out") == before and before.items() <= hub.repositories["dataset/me/goods"].items()
