"""An HTTP proxy in front of one server that fails as networks and stores do: by errors, by cut bodies, by silence."""

import http.client
import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Faults:
    """What goes wrong from now on, and what was asked."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self.errors = 0.0
        """The share of requests that are answered with 500."""
        self.cuts = 0.0
        """The share of bodies that end in the middle."""
        self.only = ""
        """A part of the paths of the requests that fail."""
        self.requests: list[str] = []
        self.random = random.Random(1)


@contextmanager
def failing_proxy(port: int) -> Iterator[tuple[str, Faults]]:
    """Serve on loopback what a local port serves, with faults. Yields the URL and the faults to set."""
    faults = Faults()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_one_request(self) -> None:
            try:
                super().handle_one_request()
            except ConnectionError:
                self.close_connection = True

        def relay(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            faults.requests.append(f"{self.command} {self.path}")
            meant = faults.only in self.path
            if meant and faults.random.random() < faults.errors:
                self.answer(500, [("Content-Type", "text/plain")], b"the store is on fire")
                return
            server = http.client.HTTPConnection("127.0.0.1", port)
            server.request(self.command, self.path, body, dict(self.headers))
            reply = server.getresponse()
            content = reply.read()
            kept = [pair for pair in reply.getheaders() if pair[0].lower() not in ("transfer-encoding", "connection")]
            if meant and self.command == "GET" and len(content) > 1 and faults.random.random() < faults.cuts:
                self.answer(reply.status, kept, content, len(content) // 2)
                self.close_connection = True
                return
            self.answer(reply.status, kept, content)

        def answer(self, status: int, headers: list[tuple[str, str]], body: bytes, end: int | None = None) -> None:
            self.send_response(status)
            length = next((value for name, value in headers if name.lower() == "content-length"), str(len(body)))
            for name, value in [
                *((n, v) for n, v in headers if n.lower() != "content-length"),
                ("Content-Length", length),
            ]:
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body[:end])

        do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = relay

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", faults
    finally:
        server.shutdown()
        server.server_close()
