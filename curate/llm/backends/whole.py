"""An HTTP client whose replies are whole in time, or not at all.

httpx limits the time between two pieces of a reply: a server that sends a byte a minute would hold a thread for ever,
and one that never ends would fill the memory. Here the whole of a reply has a deadline and a largest size; one that is
late or too large is a timeout, which the client of OpenAI retries. Not covered: servers behind a proxy that the
environment names, and headers that come byte by byte; for these the time between two pieces counts.
"""

import time
from collections.abc import Iterator
from typing import Any, cast

import httpx
import openai

MOST_BYTES = 64 << 20
CONNECTIONS = httpx.Limits(max_connections=4096, max_keepalive_connections=256)


class _Within(httpx.SyncByteStream):
    """The body of a reply up to a moment and a size."""

    def __init__(self, stream: httpx.SyncByteStream, end: float, request: httpx.Request) -> None:
        self._stream, self._end, self._request = stream, end, request

    def __iter__(self) -> Iterator[bytes]:
        size = 0
        for piece in self._stream:
            size += len(piece)
            if time.monotonic() > self._end or size > MOST_BYTES:
                raise httpx.ReadTimeout("the reply is too late or too large", request=self._request)
            yield piece

    def close(self) -> None:
        self._stream.close()


class _Transport(httpx.HTTPTransport):
    """Gives every reply its deadline."""

    def __init__(self, timeout_s: float) -> None:
        super().__init__(limits=CONNECTIONS)
        self._timeout_s = timeout_s

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        end = time.monotonic() + self._timeout_s
        response = super().handle_request(request)
        response.stream = _Within(cast(httpx.SyncByteStream, response.stream), end, request)
        return response


def client_within(timeout_s: float, key: str, base_url: str | None, retries: int) -> openai.OpenAI:
    """Return a client of an endpoint whose every reply is whole within so many seconds."""
    http: Any = httpx.Client(transport=_Transport(timeout_s), timeout=timeout_s, follow_redirects=True)
    return openai.OpenAI(api_key=key, base_url=base_url, timeout=timeout_s, max_retries=retries, http_client=http)
