"""The bytes of files in an export: beside the rows that tell of them, and back into a storage."""

from __future__ import annotations

import hashlib
import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Any
from zipfile import ZIP_STORED, ZipFile, ZipInfo

from app.files.inspecting import kept_name
from app.files.store import PIECE
from models.errors import Invalid, NotFound

if TYPE_CHECKING:
    from app.files.store import Store
    from models.storing import Part

FOLDER = "stored_file/bytes"
_READY = """\
SELECT id, storage_key, sha256, has_thumbnail FROM stored_file
WHERE state = 'ready' AND deleted_at IS NULL{of} ORDER BY id"""
_ALL, _OWN = _READY.format(of=""), _READY.format(of=" AND owner_id = $1")
_KEY = re.compile(r"[0-9a-f]{2}/[0-9a-f]{38}")
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class StoredPart:
    """One object of a file, and what it is called in an export."""

    id: str
    key: str
    sha256: str
    part: Part

    @property
    def name(self) -> str:
        """Where it is stored."""
        return kept_name(self.key, self.sha256, self.part)

    @property
    def entry(self) -> str:
        """Where it is in the ZIP."""
        return f"{FOLDER}/{self.id}.{self.part}"


@dataclass(slots=True)
class Moved:
    """How many objects went over, and the ids of the files that lack some."""

    objects: int = 0
    lacking: list[str] = field(default_factory=list[str])


async def export_files(
    connection: Any, archive: ZipFile, store: Store, owner: str | None = None
) -> Moved:
    """Write the bytes of all complete files that the transaction sees, or of one owner's."""
    moved = Moved()
    query, given = (_ALL, []) if owner is None else (_OWN, [owner])
    async for row in connection.cursor(query, *given):
        for part in parts_of(row):
            try:
                size = await store.size(part.name)
                await _write(archive, part, store.read(part.name, 0, size), size)
            except NotFound:  # given up since the snapshot was taken
                moved.lacking.append(part.id)
            else:
                moved.objects += 1
    return moved


async def import_files(connection: Any, archive: ZipFile, store: Store, objects: int) -> None:
    """Store the bytes of all complete files that the transaction sees, or none of them.

    Raises Invalid for bytes that are not those of their row, and unless there are so many objects.
    """
    keys = list[str]()
    try:
        await _store_all(connection, archive, store, keys)
        _check_count(len(keys), objects)
    except BaseException:
        for key in keys:
            await store.remove_folder(key)
        raise


async def _store_all(connection: Any, archive: ZipFile, store: Store, keys: list[str]) -> None:
    """Store what the ZIP has, and note under which keys."""
    there = set(archive.namelist())
    async for row in connection.cursor(_ALL):
        for part in parts_of(row):
            if part.entry in there:  # else it was gone when the export was made
                keys.append(part.key)
                with archive.open(part.entry) as file:
                    await store.write(part.name, _pieces(file, part))


def _check_count(found: int, told: int) -> None:
    if found != told:
        raise Invalid(f"stored_file: There are {found:,} objects instead of {told:,}.")


def parts_of(row: Any) -> Iterator[StoredPart]:
    """The objects of a file. Raises Invalid for a row that none of ours can be."""
    if not _KEY.fullmatch(row["storage_key"]) or not _SHA256.fullmatch(row["sha256"] or ""):
        raise Invalid(f"stored_file: {row['id']} has no storage key or digest of ours.")
    about = row["id"], row["storage_key"], row["sha256"]
    yield StoredPart(*about, "file")
    if row["has_thumbnail"]:
        yield StoredPart(*about, "thumbnail")


async def _write(
    archive: ZipFile, part: StoredPart, pieces: AsyncIterator[bytes], size: int
) -> None:
    entry = ZipInfo(part.entry)
    entry.compress_type, entry.file_size = ZIP_STORED, size
    with archive.open(entry, "w") as file:
        async for piece in pieces:
            file.write(piece)


async def _pieces(file: IO[bytes], part: StoredPart) -> AsyncIterator[bytes]:
    digest = hashlib.sha256()
    while piece := file.read(PIECE):
        digest.update(piece)
        yield piece
    if part.part == "file" and digest.hexdigest() != part.sha256:
        raise Invalid(f"{part.entry}: The bytes are not those that its row tells of.")
