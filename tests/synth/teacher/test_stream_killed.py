"""A run whose exercises are killed in the middle of their stream ends as an undisturbed one, by the command line."""

import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from http.server import ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.conftest import Run, shard_digests
from tests.endpoint import JsonHandler
from tests.test_resume import killed_when

SEEDS = 24


class Teacher(JsonHandler):
    """An endpoint that answers by what it is asked: a stub for a seed, or a solution that adds the stub's number."""

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        asked = body["messages"][0]["content"]
        time.sleep(0.02 + 0.05 * (hash(asked) % 3))  # answers come in an order of their own each time
        named = re.findall(r"def (weigh_[a-z]+)\(", asked)
        number = int(re.findall(r"recipe (\d+)", asked)[-1])
        name = named[-1] if named else f"weigh_{'abcdefghijkl'[number % 12]}{'xyz'[number % 3]}"
        header = f"def {name}(numbers: list[int]) -> int:\n    "
        prose = f'"""Return the sum of the numbers of recipe {number} and {number % 5} more."""\n    '
        solution = f"return sum(numbers) + {number % 5} + len(numbers) * {number}"
        text = f"```python\n{header}{prose}{solution if named else ''}\n```"
        message = {"role": "assistant", "content": text}
        usage = {"prompt_tokens": 5, "completion_tokens": 7, "total_tokens": 12}
        choice = {"index": 0, "finish_reason": "stop", "message": message}
        told = {"id": "x", "object": "chat.completion", "created": 0, "model": "m", "choices": [choice], "usage": usage}
        self.reply(200, told)

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()

    do_HEAD = do_GET


@pytest.fixture
def url() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Teacher)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/v1"
    server.shutdown()
    server.server_close()
    thread.join()


def test_exercises_killed_in_the_middle_end_as_an_undisturbed_run(
    url: str, tmp_path: Path, write_recipe: Callable[..., Path], curate: Run
) -> None:
    words = ("function_name", "concept", "setting", "level", "result", "second", "technique", "topic", "signature")
    rows = [
        {"id": f"f{n}#0", "text": f"recipe {n}", "wording": n, **dict.fromkeys(words, f"recipe {n}")}
        for n in range(SEEDS)
    ]
    (tmp_path / "seeds.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    source = {"path": str(tmp_path / "seeds.jsonl"), "text": "text", "id": "id", "shard_rows": 8}
    recipe = write_recipe(
        sources={"seeds": source | {"keep": [*words, "wording"]}},
        models={"teacher": {"backend": "openai", "model": "m", "base_url": url, "batch_size": 8}},
        stages={"exercises": {"use": "synth.exercise", "model": "teacher"}},
    )
    whole = curate("run", recipe, "--runs", tmp_path / "whole")
    assert whole.returncode == 0, whole.stderr
    run = tmp_path / "killed" / "data"
    killed_when(recipe, tmp_path / "killed", lambda: any(run.glob("stages/exercises-*/done/*.json")), 2)
    standing = len(shard_digests(run))
    again = curate("run", recipe, "--runs", tmp_path / "killed")
    assert again.returncode == 0, again.stderr
    assert shard_digests(run) == shard_digests(tmp_path / "whole" / "data")
    assert standing < len(shard_digests(run)), "the kill came too late to test anything"
    stats = json.loads(next((tmp_path / "whole").glob("*/stages/exercises-*/stats.json")).read_text())
    assert stats["rows_in"] == SEEDS
    assert stats["dropped_by_reason"].get("does what another does", 0) + stats["rows_kept"] > SEEDS / 2
    assert stats["metrics"]["programs"] > SEEDS
