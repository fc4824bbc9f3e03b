"""The bytes of a user's files: looked at like any upload, and kept under keys of our own."""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterator
from typing import IO, Any
from zipfile import BadZipFile, ZipFile

from app.files.inspecting import Inspector, upload_name
from app.files.store import PIECE, Store
from models.errors import DomainError, Invalid
from models.files.stored_files import FilePurpose
from models.storing import Announced

_TAKEN = "SELECT * FROM own_stored_file WHERE taken ORDER BY id"
_LOOKED_AT = """\
UPDATE own_stored_file SET width = $2, height = $3, has_thumbnail = $4, size = $5, sha256 = $6
WHERE id = $1"""


class FileImport:
    """Brings the bytes of the files that are taken; `undo` removes them again."""

    def __init__(self, connection: Any, archive: ZipFile, store: Store) -> None:
        self._connection = connection
        self._archive = archive
        self._store = store
        self._keys: list[str] = []

    async def run(self) -> None:
        """Store the bytes, and have their rows say what they are. Raises Invalid."""
        inspector = Inspector(self._store)
        try:
            async for row in self._connection.cursor(_TAKEN):
                await self._bring(inspector, row)
        finally:
            inspector.close()

    async def undo(self) -> None:
        """Remove what was stored."""
        for key in self._keys:
            await self._store.remove_folder(key)

    async def _bring(self, inspector: Inspector, row: Any) -> None:
        key, avatar = row["storage_key"], row["purpose"] == FilePurpose.AVATAR
        # An avatar was made by us: to make it anew would only lose some of it.
        told = Announced(key, row["content_type"], row["size"], row["sha256"], avatar=False)
        self._keys.append(key)
        try:
            with self._archive.open(row["entry"]) as file:
                await self._store.write(upload_name(key), _pieces(file, row["size"]))
            found = await inspector.accept(told)
            await self._store.remove(upload_name(key))
        except (DomainError, BadZipFile, zlib.error, EOFError) as error:
            raise Invalid(f"{row['entry']}: {error}") from error
        measures = found.width, found.height, found.thumbnail and not avatar
        values = row["id"], *measures, found.size, found.sha256
        await self._connection.execute(_LOOKED_AT, *values)


async def _pieces(file: IO[bytes], size: int) -> AsyncIterator[bytes]:
    """What is there, as far as it may reach: one more byte shows that it is too much."""
    left = size + 1
    while left > 0 and (piece := file.read(min(PIECE, left))):
        left -= len(piece)
        yield piece
