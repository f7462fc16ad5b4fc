"""Wheels made for a test, and an index on loopback that pip reads them from."""

import base64
import hashlib
import threading
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

MIT = ("License-Expression: MIT",)


def make_wheel(
    folder: Path, name: str, version: str, files: Mapping[str, str | bytes], states: Sequence[str] = MIT
) -> Path:
    """Write a wheel as pip installs it; `states` are further lines of its metadata."""
    info = f"{name}-{version}.dist-info"
    lines = ["Metadata-Version: 2.4", f"Name: {name}", f"Version: {version}", *states]
    whole = {
        **files,
        f"{info}/METADATA": "\n".join(lines) + "\n\nWords about it.\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    content = {path: text.encode() if isinstance(text, str) else text for path, text in whole.items()}
    record = [f"{path},sha256={_digest(each)},{len(each)}" for path, each in content.items()]
    content[f"{info}/RECORD"] = "\n".join([*record, f"{info}/RECORD,,"]).encode()
    path = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for each, text in content.items():
            archive.writestr(zipfile.ZipInfo(each, (2020, 1, 1, 0, 0, 0)), text, zipfile.ZIP_DEFLATED)
    return path


def sha256_of(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def pin_of(wheel: Path) -> str:
    """Return the line of a list that pins a wheel."""
    name, version = wheel.name.split("-")[:2]
    return f"{name}=={version} --hash=sha256:{sha256_of(wheel)}"


def write_list(path: Path, *lines: str) -> Path:
    path.write_text("".join(f"{line}\n" for line in lines))
    return path


def _digest(content: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(content).digest()).decode().rstrip("=")


@dataclass
class Index:
    """What is asked of the index, and what it does about it."""

    url: str = ""
    asked: list[str] = field(default_factory=list)
    """The wheels that were asked for."""
    broken: bool = False
    """Whether it answers with an error of its own."""
    cuts: int = 0
    """How many of the next wheels end in the middle."""
    held: str = ""
    """The start of the name of a wheel that is never sent."""
    waiting: threading.Event = field(default_factory=threading.Event)
    """Set when that wheel is asked for."""
    release: threading.Event = field(default_factory=threading.Event)


@contextmanager
def serving(folder: Path) -> Iterator[Index]:
    """Serve the wheels of a folder as a package index does: a page for each name, with links to its files."""
    index = Index()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            wheels = sorted(path.name for path in folder.glob("*.whl"))
            *_, last = self.path.rstrip("/").split("/")
            if index.broken:
                self._answer(503, b"")
            elif last in wheels:
                index.asked.append(last)
                if index.held and last.startswith(index.held):
                    index.waiting.set()
                    index.release.wait(30)
                content = (folder / last).read_bytes()
                index.cuts, cut = max(index.cuts - 1, 0), index.cuts > 0
                self._answer(200, content, "application/octet-stream", len(content) // 2 if cut else None)
            else:
                links = [f'<a href="/files/{name}">{name}</a>' for name in wheels if name.split("-")[0] == last]
                self._answer(
                    200 if links else 404, f"<!DOCTYPE html><html><body>{''.join(links)}</body></html>".encode()
                )

        def _answer(self, status: int, body: bytes, kind: str = "text/html", end: int | None = None) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[:end])

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    index.url = f"http://127.0.0.1:{server.server_address[1]}/simple/"
    try:
        yield index
    finally:
        index.release.set()
        server.shutdown()
        server.server_close()
