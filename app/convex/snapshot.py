"""The file of a snapshot export: a ZIP with one `<table>/documents.jsonl` for each table."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING, Any, cast

import orjson

from app.convex.values import plain
from models.errors import Invalid

if TYPE_CHECKING:
    from app.convex.source import Source

LINE_LIMIT = 64 << 20  # bytes; a Convex document has at most 1 MiB before it is escaped
DOCUMENTS = "/documents.jsonl"
FILES = "_storage/"

UNREADABLE = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError)
"""What zipfile raises for an entry that is damaged, cut short, or packed in an unknown way."""

Progress = Callable[[int], None]
"""Told of the bytes read since it was last told."""


class BadSnapshot(Invalid):
    """A snapshot that can't be imported: says the table, the line (from 1) and the reason."""

    def __init__(self, table: str, line: int, reason: str) -> None:
        super().__init__(f"{table}, line {line:,}: {reason}" if line else f"{table}: {reason}")


class Snapshot:
    """An open snapshot; read a table's documents with `documents`."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        self._sizes = {
            entry.filename.removesuffix(DOCUMENTS): entry.file_size
            for entry in archive.infolist()
            if entry.filename.endswith(DOCUMENTS) and entry.filename.count("/") == 1
        }
        self._files = {
            PurePosixPath(entry.filename).stem: entry
            for entry in archive.infolist()
            if entry.filename.startswith(FILES) and entry.filename.count("/") == 1
        }

    @property
    def tables(self) -> list[str]:
        """The names of its tables; those of Convex itself start with an underscore."""
        return sorted(self._sizes)

    def table_of(self, source: Source) -> str:
        """Which of a source's names its table has here."""
        other = source.also in self._sizes and source.name not in self._sizes
        return source.also if other else source.name

    def size(self, table: str) -> int:
        """The bytes of a table's documents."""
        return self._sizes.get(table, 0)

    def file(self, id: str, most: int) -> bytes | None:
        """At most so many bytes of a stored file; None where there is none. Raises BadSnapshot."""
        entry = self._files.get(id)
        if entry is None:
            return None
        try:
            with self._archive.open(entry) as file:
                return file.read(most)
        except UNREADABLE as error:
            raise BadSnapshot("_storage", 0, f"the archive can't be read: {error}") from error

    def documents(self, table: str, progress: Progress) -> Iterator[tuple[int, dict[str, Any]]]:
        """Each document with its line, one at a time. Raises BadSnapshot."""
        if table not in self._sizes:
            return
        try:
            with self._archive.open(table + DOCUMENTS) as file:
                yield from _documents(table, file, progress)
        except UNREADABLE as error:
            raise BadSnapshot(table, 0, f"the archive can't be read: {error}") from error


@contextmanager
def open_snapshot(path: Path) -> Generator[Snapshot, None, None]:
    """Open a snapshot. Raises BadSnapshot for what is none."""
    try:
        archive = zipfile.ZipFile(path)
    except (OSError, zipfile.BadZipFile) as error:
        raise BadSnapshot(path.name, 0, f"not a snapshot that can be read: {error}") from error
    with archive:
        snapshot = Snapshot(archive)
        if not snapshot.tables:
            raise BadSnapshot(path.name, 0, "it holds no `<table>/documents.jsonl`")
        yield snapshot


def _documents(
    table: str, file: IO[bytes], progress: Progress
) -> Iterator[tuple[int, dict[str, Any]]]:
    number = 0
    while line := file.readline(LINE_LIMIT + 1):
        number += 1
        progress(len(line))
        if len(line) > LINE_LIMIT:
            raise BadSnapshot(table, number, f"longer than {LINE_LIMIT:,} bytes")
        if line.strip():
            yield number, _document(table, number, line)


def _document(table: str, number: int, line: bytes) -> dict[str, Any]:
    try:
        document = plain(orjson.loads(line), line)
    except (ValueError, RecursionError) as error:
        raise BadSnapshot(table, number, f"malformed: {error}") from error
    if not isinstance(document, dict):
        raise BadSnapshot(table, number, "not an object")
    return cast("dict[str, Any]", document)
