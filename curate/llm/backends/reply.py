"""What an endpoint sent, checked: a Completion of the right types, or the reason why it is none.

In: the bytes of a reply in OpenAI's protocol, whatever they hold. Out: a Completion that can be logged, counted and
stored in a shard. Servers and the proxies before them send pages of HTML, empty bodies, errors with status 200, null
for counts, content in parts, half of a surrogate pair; what an answer can be taken from is taken, the rest is
`Malformed`.
"""

import json
import math
from typing import Any

from curate.llm.answers import clean, counted, cut, failure, shown
from curate.llm.types import Completion, Request


class Malformed(Exception):
    """A reply that is no completion. The message shows how it begins.

    `garbled`: it is not even an object of JSON, so that the trouble lies with the way to the server, not the request.
    """

    def __init__(self, message: str, *, garbled: bool = False) -> None:
        super().__init__(message)
        self.garbled = garbled


def completion_of(request: Request, body: bytes) -> Completion:
    """Return the answer that a reply holds. Raises Malformed where it holds none."""
    reply = _object(body)
    if reply.get("error"):
        raise Malformed(f"an error: {words_of(reply)}")
    choices = reply.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices else None
    if not isinstance(choice, dict):
        raise Malformed(f"no choice: {shown(body)}")
    text = clean(_text(request, choice, body))
    usage = reply.get("usage")
    usage = usage if isinstance(usage, dict) else {}
    asked = request.prompt or "".join(turn.content for turn in request.messages or ())
    used = counted(usage.get("prompt_tokens"), asked), counted(usage.get("completion_tokens"), text)
    finish_reason = choice.get("finish_reason")
    if finish_reason == "content_filter":
        return failure(request, "the server's content filter cut the answer", used[0])
    text, stopped = cut(text, request.stop)
    reason = "length" if finish_reason == "length" and not stopped else "stop"
    told = _likeliest(choice.get("logprobs")) if request.choices else []
    chances = told and tuple(sum(p for token, p in told if token.strip() == word) for word in request.choices)
    return Completion(request.id, text, reason, *used, probabilities=chances or None)


def words_of(reply: Any) -> str:
    """Return a server's own words about what is wrong, in one line."""
    error = reply.get("error", reply) if isinstance(reply, dict) else reply
    message = (error.get("message") or error.get("detail")) if isinstance(error, dict) else error
    return shown(message if isinstance(message, str) else json.dumps(error, default=str))


def _object(body: bytes) -> dict[str, Any]:
    try:
        reply = json.loads(body)
    except (ValueError, RecursionError):
        raise Malformed(shown(body) or "nothing", garbled=True) from None
    if not isinstance(reply, dict):
        raise Malformed(shown(body), garbled=True)
    return reply


def _text(request: Request, choice: dict[str, Any], body: bytes) -> str:
    """Return the text of a choice; null, which servers send for an answer of thoughts alone, is an empty one."""
    holder = choice if request.messages is None else choice.get("message")
    name = "text" if request.messages is None else "content"
    if not isinstance(holder, dict) or name not in holder:
        raise Malformed(f"no {name}: {shown(body)}")
    content = holder[name]
    if isinstance(content, list):
        parts: list[Any] = [part.get("text") if isinstance(part, dict) else part for part in content]
        content = "".join(parts) if all(isinstance(part, str) for part in parts) else content
    if content is not None and not isinstance(content, str):
        raise Malformed(f"{name} of another kind: {shown(body)}")
    return content or ""


def _likeliest(told: Any) -> list[tuple[str, float]]:
    """Return the likeliest first tokens with their probabilities; none where the server does not tell."""
    if not isinstance(told, dict):
        return []
    if isinstance(content := told.get("content"), list) and content and isinstance(content[0], dict):
        entries = content[0].get("top_logprobs")
        rows: list[Any] = [(each.get("token"), each.get("logprob")) for each in _dicts(entries)]
    else:
        tops = told.get("top_logprobs")
        rows = list(tops[0].items()) if isinstance(tops, list) and tops and isinstance(tops[0], dict) else []
    return [(token, min(1.0, math.exp(value))) for token, value in rows if isinstance(token, str) and _is_log(value)]


def _dicts(values: Any) -> list[dict[str, Any]]:
    return [each for each in values if isinstance(each, dict)] if isinstance(values, list) else []


def _is_log(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value < 1
