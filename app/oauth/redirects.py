"""Where a browser may be sent after it signed in: pages of known origins, and nothing else."""

from __future__ import annotations

from urllib.parse import urlsplit

from app.config import Settings
from app.cors import LOOPBACK, canonical
from models.errors import Invalid

LONGEST = 2_000


class Redirects:
    """The allow list: the front end, and the origins that may call."""

    def __init__(self, settings: Settings) -> None:
        self._default = settings.app_url
        self._loopback = settings.dev
        known = (settings.app_url, *settings.origins)
        self._origins = {canonical(_origin(url)) for url in known} - {None}

    def checked(self, url: str | None, *, field: str = "redirectTo") -> str:
        """The URL to go to; the front end's if none is given. Raises Invalid for another's, which
        names the `field`."""
        if url is None:
            return self._default
        if len(url) > LONGEST or not url.isascii() or any(c in url for c in "\\ \t\r\n"):
            raise Invalid("This page is not on the list.", field=field)
        origin = canonical(_origin(url))
        if origin is None or not (origin in self._origins or self._is_loopback(origin)):
            raise Invalid("This page is not on the list.", field=field)
        return url

    def _is_loopback(self, origin: str) -> bool:
        return self._loopback and urlsplit(origin).hostname in LOOPBACK


def _origin(url: str) -> str:
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    return f"{parts.scheme}://{parts.netloc}"
