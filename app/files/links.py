"""Addresses of files: signed ones for those who may, and lasting ones of what everybody may see."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

from app.cors import LOOPBACK
from models.errors import Invalid, NotFound
from models.storing import Part

if TYPE_CHECKING:
    from graphql_schema.core.signed import Signer
    from models.ports import Clock

DOWNLOAD_LASTS = timedelta(hours=1)
STEP = timedelta(minutes=15)
"""Addresses that are asked for within a step are the same, so that browsers know them again."""

Purpose = Literal["upload", "file", "thumbnail"]


class Links:
    """Makes the addresses, and takes them back; absolute where the server's own is known."""

    def __init__(self, signer: Signer, clock: Clock, public_url: str | None) -> None:
        self._signer = signer
        self._clock = clock
        self._base = (public_url or "").rstrip("/")

    @property
    def public(self) -> bool:
        """Whether others than this machine can follow them."""
        return urlsplit(self._base).hostname not in {None, *LOOPBACK}

    def upload(self, id: str, until: datetime) -> str:
        """Where the bytes of a file are taken."""
        return self._signed("upload", id, until)

    def download(self, id: str, part: Part) -> str:
        """Where they are served."""
        steps = -((self._clock.now() + DOWNLOAD_LASTS - _START) // -STEP)
        return self._signed(part, id, _START + steps * STEP)

    def avatar(self, id: str) -> str:
        """Where a user's picture is served to everybody."""
        return f"{self._base}/avatars/{id}"

    def opened(self, token: str, *purposes: Purpose) -> tuple[Purpose, str]:
        """What a token is for, and the file's id. Raises NotFound, also when it is over."""
        for purpose in purposes:
            try:
                id, until = self._signer.open(_named(purpose), token)
            except Invalid:
                continue
            if self._clock.now() < datetime.fromtimestamp(until, UTC):
                return purpose, id
        raise NotFound("This address does not hold, or not any more.")

    def _signed(self, purpose: Purpose, id: str, until: datetime) -> str:
        token = self._signer.sign(_named(purpose), [id, int(until.timestamp())])
        return f"{self._base}/files/{token}"


_START = datetime(1970, 1, 1, tzinfo=UTC)


def _named(purpose: Purpose) -> str:
    return f"file:{purpose}"
