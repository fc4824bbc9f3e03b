"""Which pages may call the server: CORS, the WebSocket's origin, cross-site requests."""

import re
from collections.abc import Collection, Mapping
from urllib.parse import urlsplit

from models.errors import Forbidden

EXPOSED = "x-request-id, retry-after, ratelimit, ratelimit-policy, www-authenticate"

PREFLIGHT_AGE = 7200
"""Seconds a browser may remember a preflight; no browser keeps it longer."""

PREFLIGHT_HEADERS = (
    "Authorization",
    "GraphQL-Require-Preflight",
    "Apollo-Require-Preflight",
    "X-Apollo-Operation-Name",
    "X-Requested-With",
)
"""A browser sends these across sites only after a preflight that we answered."""

HEADER_NAMES = re.compile(r"[A-Za-z0-9_-]{1,64}(?:\s*,\s*[A-Za-z0-9_-]{1,64}){0,63}")

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})

DEFAULT_PORTS = {"http": 80, "https": 443}


class Origins:
    """The one rule for every browser that calls: HTTP, event streams and WebSockets."""

    def __init__(self, allowed: Collection[str], *, loopback: bool) -> None:
        """`loopback` (development) allows any port of this machine. `*` is refused: ValueError."""
        self._loopback = loopback
        self._allowed = frozenset(canonical(origin) for origin in allowed)
        if None in self._allowed:
            raise ValueError("PUNNET_ORIGINS takes origins such as https://app.example.com")

    def allows(self, headers: Mapping[str, str]) -> bool:
        """Whether whoever sent these headers may call; without Origin it is no browser's script.

        A page of our own host is allowed. The scheme cannot be compared: a proxy may end TLS.
        """
        origin = headers.get("Origin")
        if origin is None:
            return True
        known = canonical(origin)
        if known is None:
            return False
        return known in self._allowed or self._is_loopback(known) or same_host(known, headers)

    def check(self, headers: Mapping[str, str]) -> None:
        """Raise Forbidden for a page that may not call."""
        if not self.allows(headers):
            raise Forbidden("This origin may not call the server.")

    def response_headers(self, headers: Mapping[str, str]) -> dict[str, str]:
        """What a response needs so that an allowed page can read it."""
        origin = headers.get("Origin")
        if origin is None or not self.allows(headers):
            return {"Vary": "Origin"}
        return {
            "Vary": "Origin",
            "Access-Control-Allow-Origin": origin,
            "Access-Control-Allow-Credentials": "true",
            "Access-Control-Expose-Headers": EXPOSED,
        }

    def preflight_headers(self, headers: Mapping[str, str]) -> dict[str, str]:
        """The answer to a preflight of an allowed page."""
        asked = headers.get("Access-Control-Request-Headers", "").strip()
        names = asked if HEADER_NAMES.fullmatch(asked) else "content-type, authorization"
        return {
            **self.response_headers(headers),
            "Access-Control-Allow-Methods": "GET, HEAD, POST",
            "Access-Control-Allow-Headers": names,
            "Access-Control-Max-Age": str(PREFLIGHT_AGE),
        }

    def _is_loopback(self, origin: str) -> bool:
        return self._loopback and urlsplit(origin).hostname in LOOPBACK


def check_get(headers: Mapping[str, str]) -> None:
    """Raise Forbidden for a GET that another site's page could have made a browser send.

    A POST needs no such check: JSON as its content type already forces a preflight.
    """
    if "Origin" in headers or headers.get("Sec-Fetch-Site") == "same-origin":
        return
    if any(name in headers for name in PREFLIGHT_HEADERS):
        return
    raise Forbidden("A GET needs a header that forces a preflight: GraphQL-Require-Preflight: 1")


def canonical(origin: str) -> str | None:
    """The origin in lower case without a default port; none for anything else, `null` too."""
    try:
        parts = urlsplit(origin)
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in DEFAULT_PORTS or not parts.hostname or parts.username is not None:
        return None
    if parts.path not in {"", "/"} or parts.query or parts.fragment or "*" in parts.hostname:
        return None
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    is_default = port is None or port == DEFAULT_PORTS[parts.scheme]
    return f"{parts.scheme}://{host}" + ("" if is_default else f":{port}")


def same_host(origin: str, headers: Mapping[str, str]) -> bool:
    """Whether a canonical origin names the host that the request was sent to."""
    scheme = origin.partition("://")[0]
    return canonical(f"{scheme}://{headers.get('Host', '')}") == origin
