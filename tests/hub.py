"""A stand-in of the hub on loopback: the part of its API that huggingface_hub calls to make a repository and commit."""

import base64
import hashlib
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

TOKEN = "hf_stand_in"
REPOSITORY = re.compile(r"/api/(dataset|model)s/([\w.-]+/[\w.-]+)(/.*)?")


@dataclass
class Hub:
    """What it holds, and what it is told to refuse."""

    url: str = ""
    repositories: dict[str, dict[str, bytes]] = field(default_factory=dict)
    """Kind and name -> path -> bytes."""
    private: dict[str, bool] = field(default_factory=dict)
    large: dict[str, bytes] = field(default_factory=dict)
    """sha256 -> bytes that were sent ahead of a commit."""
    commits: int = 0
    refuse: dict[str, tuple[int, str]] = field(default_factory=dict)
    """Part of a path -> status and message."""
    asked: list[str] = field(default_factory=list)

    @property
    def environment(self) -> dict[str, str]:
        # The stand-in speaks the protocol for large files that any HTTP server can: no Xet.
        return {"HF_ENDPOINT": self.url, "HF_TOKEN": TOKEN, "HF_HUB_DISABLE_XET": "1", "NO_PROXY": "127.0.0.1"}

    def forget(self) -> None:
        """Be as at first, under the same address."""
        vars(self).update(vars(Hub(self.url)))

    def sha(self) -> str:
        return f"{self.commits:040x}"

    def answer(self, verb: str, path: str, body: bytes, token: str) -> tuple[int, Any]:
        self.asked.append(f"{verb} {path}")
        for part, (status, message) in self.refuse.items():
            if part in path:
                return status, {"error": message}
        if path.startswith("/large/"):
            self.large[path.removeprefix("/large/")] = body
            return 200, {}
        return self._known(path, body) if token == f"Bearer {TOKEN}" else (401, {"error": "Invalid token."})

    def _known(self, path: str, body: bytes) -> tuple[int, Any]:
        if path == "/api/whoami-v2":
            return 200, {"name": "me", "type": "user", "orgs": []}
        if path in ("/api/validate-yaml", "/api/repos/create"):
            return (self._validate if path.endswith("yaml") else self._create)(json.loads(body))
        if path.endswith(".git/info/lfs/objects/batch"):
            return 200, {"transfer": "basic", "objects": [self._place(each) for each in json.loads(body)["objects"]]}
        found = REPOSITORY.fullmatch(path)
        if found is None or f"{found[1]}/{found[2]}" not in self.repositories:
            return 404, {"error": "Repository not found"}
        return self._repository(f"{found[1]}/{found[2]}", found[2], found[3] or "", body)

    def _validate(self, value: dict[str, Any]) -> tuple[int, Any]:
        from huggingface_hub import DatasetCard, ModelCard

        kind = DatasetCard if value["repoType"] == "dataset" else ModelCard
        assert kind(value["content"]).data.to_dict()
        return 200, {"errors": [], "warnings": []}

    def _create(self, value: dict[str, Any]) -> tuple[int, Any]:
        name = f"{value.get('type') or 'model'}/{value['organization']}/{value['name']}"
        url = f"{self.url}/{'datasets/' if name.startswith('dataset/') else ''}{value['organization']}/{value['name']}"
        if name in self.repositories:
            return 409, {"error": "You already created this repo", "url": url}
        self.repositories[name] = {".gitattributes": b""}
        self.private[name] = value.get("visibility") == "private"
        return 200, {"url": url}

    def _place(self, each: dict[str, Any]) -> dict[str, Any]:
        if each["oid"] in self.large:
            return each
        return each | {"actions": {"upload": {"href": f"{self.url}/large/{each['oid']}", "header": {}}}}

    def _repository(self, key: str, name: str, rest: str, body: bytes) -> tuple[int, Any]:
        files = self.repositories[key]
        if rest == "/preupload/main":
            paths = [file["path"] for file in json.loads(body)["files"]]
            large = (".parquet", ".safetensors", ".jsonl")
            modes = [{"path": p, "uploadMode": "lfs" if p.endswith(large) else "regular"} for p in paths]
            return 200, {"files": [mode | {"shouldIgnore": False} for mode in modes]}
        if rest == "/commit/main":
            lines = [json.loads(line) for line in body.splitlines()]
            if lines[0]["value"].get("parentCommit", self.sha()) != self.sha():
                return 412, {"error": "A commit has happened since."}
            for line in lines[1:]:
                self._apply(files, line["key"], line["value"])
            self.commits += 1
            return 200, {"commitUrl": f"{self.url}/{name}/commit/{self.sha()}", "commitOid": self.sha()}
        listed = [{"rfilename": path} for path in sorted(files)]
        return 200, {"id": name, "sha": self.sha(), "siblings": listed, "private": self.private[key], "tags": []}

    def _apply(self, files: dict[str, bytes], key: str, value: dict[str, Any]) -> None:
        if key == "deletedFile":
            del files[value["path"]]
        elif key == "file":
            files[value["path"]] = base64.b64decode(value["content"])
        else:
            content = self.large[value["oid"]]
            assert hashlib.sha256(content).hexdigest() == value["oid"] and len(content) == value["size"]
            files[value["path"]] = content


@contextmanager
def open_hub() -> Iterator[Hub]:
    """Serve a hub until the block ends."""
    hub = Hub()

    class Handler(BaseHTTPRequestHandler):
        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if "chunked" in self.headers.get("Transfer-Encoding", ""):
                body = b"".join(iter(self._chunk, b""))
            path = self.path.partition("?")[0]
            status, value = hub.answer(self.command, path, body, self.headers.get("Authorization", ""))
            content = json.dumps(value).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def _chunk(self) -> bytes:
            piece = self.rfile.read(int(self.rfile.readline(), 16))
            self.rfile.readline()
            return piece

        do_GET = do_POST = do_PUT = do_HEAD = _serve

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    hub.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
