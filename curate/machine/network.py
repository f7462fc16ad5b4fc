"""Whether anything answers at an address, asked before work is planned on it: one connection, no request.

A name server that is silent would keep a program waiting for half a minute, so the asking is done in a thread that is
left behind when its time is over. Not covered: whether what answers is what is wanted; the call itself will tell.
"""

import os
import socket
import threading
from typing import Literal
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

TIMEOUT_S = 1.5
HUB = "https://huggingface.co"
PORTS = {"http": 80, "https": 443}


def unreachable(url: str, timeout_s: float = TIMEOUT_S) -> str | None:
    """Return in a few words why nothing answers at a URL's host and port, or None if something does.

    Where the environment names a proxy for the URL, it is the proxy that must answer.
    """
    try:
        host, port = _address(url)
    except ValueError as error:
        return f"no address: {error}"
    found: list[str | None] = []
    thread = threading.Thread(target=lambda: found.append(_refusal(host, port, timeout_s)), daemon=True)
    thread.start()
    thread.join(timeout_s)
    return found[0] if found else f"{host}:{port} gave no answer within {timeout_s:g} s"


def unreachable_hub() -> str | None:
    """Return why the Hugging Face hub, or the mirror that HF_ENDPOINT names, does not answer; None if it does."""
    if os.environ.get("HF_HUB_OFFLINE", "").upper() in ("1", "ON", "YES", "TRUE"):
        return "HF_HUB_OFFLINE is set"
    return unreachable(os.environ.get("HF_ENDPOINT") or HUB)


def missing_on_hub(name: str, kind: Literal["model", "dataset"], revision: str | None = None) -> str | None:
    """Return why the hub, which answers, does not give a model or data set, with the next step; None if it does."""
    from huggingface_hub import HfApi
    from huggingface_hub.errors import GatedRepoError, HfHubHTTPError, HFValidationError, RepositoryNotFoundError

    ask = HfApi().model_info if kind == "model" else HfApi().dataset_info
    try:
        ask(name, revision=revision, timeout=10)
    except GatedRepoError:
        return f"it is gated; ask for access at {HUB}/{name} and set HF_TOKEN"
    except RepositoryNotFoundError:
        return "there is none of that name on the hub (or it is private: set HF_TOKEN)"
    except HFValidationError:
        return "that is no name on the hub; write it as owner/name"
    except (HfHubHTTPError, OSError) as error:
        return f"the hub refused it: {' '.join(str(error).split())[:200]}"
    return None


def _address(url: str) -> tuple[str, int]:
    """Return the host and port to connect to. Raises ValueError for what is no URL of one."""
    place = urlsplit(url)
    if place.scheme not in PORTS or not place.hostname:
        raise ValueError(f"{url!r} is no http:// or https:// address")
    proxy = None if proxy_bypass(place.hostname) else getproxies().get(place.scheme)
    if proxy:
        place = urlsplit(proxy if "//" in proxy else f"http://{proxy}")
    return place.hostname or "", place.port or PORTS.get(place.scheme, 1080)


def _refusal(host: str, port: int, timeout_s: float) -> str | None:
    try:
        with socket.create_connection((host, port), timeout_s):
            return None
    except (OSError, UnicodeError) as error:  # UnicodeError: a host name that cannot be one
        return f"{host}:{port}: {getattr(error, 'strerror', None) or error}"
