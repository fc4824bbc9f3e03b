"""Bytes under names of ours: in a folder of this machine, or in a bucket that speaks S3."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from functools import cached_property, partial
from typing import IO, TYPE_CHECKING, Any, cast

import structlog
from obstore import sign_async
from obstore.exceptions import BaseError
from obstore.store import LocalStore, S3Store

from models.errors import NotFound, Unavailable

if TYPE_CHECKING:
    from pathlib import Path

    from obstore import GetOptions

    from app.config import Settings

PIECE = 256 << 10  # bytes that are read or written at once
FULL = "(os error 28)"  # ENOSPC, of which the library tells in words alone

log = structlog.get_logger()


@contextmanager
def refusals() -> Generator[None, None, None]:
    """Have what the storage refuses raised as NotFound or Unavailable."""
    try:
        yield
    except FileNotFoundError as error:
        raise NotFound("There is no such file any more.") from error
    except TimeoutError:  # an OSError, but of who waits
        raise
    except (BaseError, OSError) as error:
        log.exception("storage.failed")
        full = FULL in str(error)
        raise Unavailable(
            "There is no room for more files." if full else "The file storage does not answer."
        ) from error


class Store:
    """Reads and writes whole objects; a name appears when its bytes are all there.

    Raises NotFound, and Unavailable when the storage does not answer or is full.
    """

    def __init__(self, opened: Callable[[], LocalStore | S3Store], *, signs: bool) -> None:
        """`opened` opens the storage when it is first used; one that `signs` takes bytes from
        clients itself."""
        self._opened = opened
        self.signs = signs

    @cached_property
    def _store(self) -> LocalStore | S3Store:
        return self._opened()

    @property
    def _root(self) -> Path:
        """The folder of a storage that is one."""
        root = cast("LocalStore", self._store).prefix
        assert root is not None
        return root

    async def write(self, name: str, pieces: AsyncIterator[bytes]) -> None:
        """Write what comes, little of it in memory; what `pieces` raises leaves nothing behind."""
        with refusals():
            await self._store.put_async(name, pieces, chunk_size=PIECE, max_concurrency=2)

    def keep(self, name: str, file: IO[bytes] | bytes) -> None:
        """Write a file of bounded size, which outlasts a loss of power. Blocks."""
        with refusals():
            self._store.put(name, file, use_multipart=False)
            if not self.signs:
                _sync(self._root / name)

    def pieces(self, name: str, most: int) -> Iterator[bytes]:
        """What is there, as far as `most` bytes reach. Blocks."""
        with refusals():
            left = most
            for piece in self._store.get(name).stream(min_chunk_size=PIECE):
                yield bytes(piece)[:left]
                left -= len(piece)
                if left <= 0:
                    return

    async def size(self, name: str) -> int:
        """How many bytes an object has."""
        with refusals():
            return (await self._store.head_async(name))["size"]

    async def read(self, name: str, start: int, end: int) -> AsyncIterator[bytes]:
        """The bytes from `start` up to `end`, which is not among them; there is one at least."""
        options: GetOptions = {"range": (start, end)}
        with refusals():
            found = await self._store.get_async(name, options=options)
            async for piece in found.stream(min_chunk_size=PIECE):
                yield piece  # pyright: ignore[reportReturnType] - a buffer, which is all that sockets need

    async def names(self, folder: str) -> list[str]:
        """The names of all objects in a folder, in order."""
        with refusals():
            found = await cast("Any", self._store).list(folder).collect_async()
        return sorted(one["path"] for one in found)

    async def remove(self, name: str) -> None:
        """Remove an object; nothing there is fine."""
        with refusals(), suppress(FileNotFoundError):
            await self._store.delete_async(name)

    async def remove_folder(self, folder: str) -> None:
        """Remove all objects in a folder, also what a kill left half written."""
        if self.signs:
            for name in await self.names(folder):
                await self.remove(name)
            return
        with refusals(), suppress(FileNotFoundError):
            await asyncio.to_thread(shutil.rmtree, self._root / folder)

    async def signed_put(self, name: str, lifetime: timedelta) -> str:
        """Where S3 itself takes an object."""
        with refusals():
            return await sign_async(cast("S3Store", self._store), "PUT", name, lifetime)


def _sync(path: Path) -> None:
    """Have a file, and the folders that lead to it, written to the disk itself."""
    for one in (path, *list(path.parents)[:3]):
        handle = os.open(one, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def open_store(settings: Settings) -> Store:
    """The storage that the settings name; its folder is made when something is kept there."""
    url = settings.storage_url
    if url is None:
        return Store(partial(_folder, settings.data_dir.absolute() / "files"), signs=False)
    return Store(partial(_bucket, settings, url), signs=True)


def _folder(root: Path) -> LocalStore:
    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    return LocalStore(root)


def _bucket(settings: Settings, url: str) -> S3Store:
    """A bucket; what is not set comes from where Amazon's own tools have it from."""
    secret = settings.storage_secret_key
    config = {
        "endpoint": settings.storage_endpoint,
        "region": settings.storage_region,
        "access_key_id": settings.storage_access_key,
        "secret_access_key": secret and secret.get_secret_value(),
    }
    given: Any = {name: value for name, value in config.items() if value is not None}
    plain = (settings.storage_endpoint or "").startswith("http://")
    return S3Store.from_url(url, config=given, client_options={"allow_http": plain})
