"""Where to ask, and where to ask next."""

from __future__ import annotations

import re
from collections.abc import Mapping

from yarl import URL

from app.outgoing.failures import Failure, OutgoingFailed

LONGEST = 8_000  # characters; signed addresses of archives have a thousand or two
ODD = re.compile(r"[^a-zA-Z0-9.:_-]")
"""What no host is spelled with, once other alphabets are in punycode; `%` begins a zone."""
STATUSES = frozenset({301, 302, 303, 307, 308})
HARMLESS = frozenset({"accept", "user-agent"})
"""Headers that hold nothing which another server should not see."""


def checked_url(text: str) -> URL:
    """An address of HTTP without a password. Raises OutgoingFailed."""
    try:
        url = URL(text) if len(text) <= LONGEST else URL()
        named = url.scheme in ("http", "https") and bool(url.raw_host) and bool(url.port)
    except ValueError:
        raise OutgoingFailed(Failure.ADDRESS) from None
    plain = url.user is None and url.password is None and not ODD.search(url.raw_host or "")
    if not (named and plain):
        raise OutgoingFailed(Failure.ADDRESS)
    return url


def next_url(method: str, asked: URL, location: str | None) -> URL:
    """Where a redirect leads. Raises OutgoingFailed where nobody should follow.

    Not with what was posted, which may hold secrets, and not from HTTPS to HTTP.
    """
    if method not in ("GET", "HEAD") or location is None or len(location) > LONGEST:
        raise OutgoingFailed(Failure.REDIRECTED)
    try:
        joined = str(asked.join(URL(location)))
    except ValueError:
        raise OutgoingFailed(Failure.REDIRECTED) from None
    url = checked_url(joined)
    if asked.scheme == "https" and url.scheme == "http":
        raise OutgoingFailed(Failure.REDIRECTED)
    return url


def kept_headers(headers: Mapping[str, str], asked: URL, url: URL) -> Mapping[str, str]:
    """The headers for the next address: tokens stay with the server they were meant for."""
    if url.origin() == asked.origin():
        return headers
    return {name: value for name, value in headers.items() if name.lower() in HARMLESS}
