"""Looking into what was uploaded, in threads of its own, and keeping what is fine."""

from __future__ import annotations

import asyncio
import hashlib
from tempfile import TemporaryFile
from typing import IO, Protocol

from app.files.media import check_type
from app.files.pictures import avatar_of, thumbnail_of
from app.files.store import Store
from app.threads import Crowded, Threads
from models.errors import Conflict, Invalid, NotFound, Unavailable
from models.files.media_types import AVATAR_TYPE, IMAGES
from models.storing import Accepted, Announced

THREADS = 2
QUEUE = 20
SECONDS = 60.0  # for an upload to be looked at, its turn included


def upload_name(key: str) -> str:
    """Where a client's bytes go, as often as it sends them."""
    return f"{key}/upload"


def kept_name(key: str, sha256: str, part: str = "file") -> str:
    """Where the bytes are that were looked at: their digest keeps one upload from another."""
    return f"{key}/{sha256}.{part}"


class Keeps(Protocol):
    """Where a file is kept."""

    def keep(self, name: str, file: IO[bytes] | bytes) -> None: ...


def keep_file(store: Keeps, announced: Announced, file: IO[bytes], sha256: str) -> Accepted:
    """Keep a file whose type was checked, with a thumbnail where it is an image. Blocks.

    Raises Invalid for an image that is broken or too large.
    """
    kind, picture = announced.content_type, None
    if kind in IMAGES:
        picture = thumbnail_of(file, kind)
        store.keep(kept_name(announced.key, sha256, "thumbnail"), picture.small)
    file.seek(0)
    store.keep(kept_name(announced.key, sha256), file)
    if picture is None:
        return Accepted(kind, announced.size, sha256)
    return Accepted(kind, announced.size, sha256, picture.width, picture.height, thumbnail=True)


class Inspector:
    """Decides about uploads, few at once, since decoding takes memory and time."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._threads = Threads("inspector", THREADS, QUEUE)

    async def accept(self, announced: Announced) -> Accepted:
        """See models.storing.Files."""
        try:
            async with asyncio.timeout(SECONDS):
                return await self._threads.run(lambda: self._accept(announced))
        except Crowded:
            message = "Too many uploads wait to be looked at."
            raise Unavailable(message, retry_after=2) from None
        except TimeoutError as error:
            raise Unavailable("The upload could not be looked at in time.") from error

    def close(self) -> None:
        """Look at nothing more."""
        self._threads.close()

    def _accept(self, announced: Announced) -> Accepted:
        # From here on it is a copy that nobody else can write to.
        with TemporaryFile() as file:
            sha256 = self._fetch(announced, file)
            check_type(file, announced.content_type)
            if announced.avatar:
                return self._keep_avatar(announced, file)
            return keep_file(self._store, announced, file, sha256)

    def _fetch(self, announced: Announced, file: IO[bytes]) -> str:
        """Copy what was uploaded; returns its digest."""
        digest, size = hashlib.sha256(), 0
        try:
            for piece in self._store.pieces(upload_name(announced.key), announced.size + 1):
                file.write(piece)
                digest.update(piece)
                size += len(piece)
        except NotFound as error:
            raise Conflict("Nothing was uploaded yet.", field="id") from error
        if size != announced.size:
            raise Invalid(f"It was to have {announced.size:,} bytes.", field="id")
        if announced.sha256 not in {None, digest.hexdigest()}:
            raise Invalid("Its SHA-256 is not the one that was announced.", field="id")
        return digest.hexdigest()

    def _keep_avatar(self, announced: Announced, file: IO[bytes]) -> Accepted:
        picture = avatar_of(file, announced.content_type)
        sha256 = hashlib.sha256(picture.small).hexdigest()
        self._store.keep(kept_name(announced.key, sha256), picture.small)
        size = len(picture.small)
        return Accepted(AVATAR_TYPE, size, sha256, picture.width, picture.height)
