"""Taking the bytes of an upload as they come: never more than announced, nor for too long."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from app.body import HttpRefusal, too_large
from app.files.inspecting import upload_name
from models.errors import BadRequest, Conflict, Invalid, RateLimited, TimedOut, Unavailable
from models.files.stored_files import FileState

if TYPE_CHECKING:
    from app.config import Settings
    from app.files.store import Store
    from models.files.stored_files import StoredFile


class Receiver:
    """Receives uploads, a bounded number at once, in all and of each user."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store = store
        self._seconds = settings.upload_timeout
        self._most = settings.uploads
        self._most_of_one = settings.user_uploads
        self._running: Counter[str] = Counter()

    async def receive(self, request: web.Request, file: StoredFile) -> None:
        """Store a body as a file's upload.

        Raises HttpRefusal (408, 413), BadRequest, Conflict, Invalid, RateLimited, Unavailable.
        """
        self._check(request, file)
        with self._slot(file.user_id):
            try:
                async with asyncio.timeout(self._seconds):
                    pieces = _pieces(request, file.size)
                    await self._store.write(upload_name(file.storage_key), pieces)
            except TimeoutError as error:
                raise HttpRefusal(408, TimedOut("The upload took too long.")) from error

    def _check(self, request: web.Request, file: StoredFile) -> None:
        """Refuse what can't be right, before any of the body is read."""
        if file.state is not FileState.PENDING:
            raise Conflict("This upload is complete already.")
        announced = request.content_length
        if announced is not None and announced > file.size:
            raise too_large(file.size)
        if announced is not None and announced != file.size:
            raise _other_size(file.size)
        if request.headers.get("Content-Encoding", "identity").lower() != "identity":
            raise HttpRefusal(415, BadRequest("The body must not be compressed."))

    @contextmanager
    def _slot(self, user_id: str) -> Generator[None, None, None]:
        if self._running.total() >= self._most:
            raise Unavailable("Too many uploads at once; try again.", retry_after=2)
        if self._running[user_id] >= self._most_of_one:
            raise RateLimited("Too many uploads of yours at once.", retry_after=2)
        self._running[user_id] += 1
        try:
            yield
        finally:
            self._running[user_id] -= 1
            if not self._running[user_id]:
                del self._running[user_id]


async def _pieces(request: web.Request, size: int) -> AsyncIterator[bytes]:
    """The body as it comes. Raises what is wrong with it, as soon as that is seen."""
    received = 0
    try:
        while piece := await request.content.readany():
            received += len(piece)
            if received > size:
                raise too_large(size)
            yield piece
    except (web.RequestPayloadError, HttpProcessingError) as error:
        raise BadRequest("The body is not what its headers announce.") from error
    if received != size:
        raise _other_size(size)


def _other_size(size: int) -> Invalid:
    return Invalid(f"The upload was announced with {size:,} bytes.")
