"""Reading a repository's ZIP: texts with paths that every system can have, and no bombs.

Whatever it says is bounded while it is read: nothing is written to the disk, no link is followed,
and no name becomes a path of this machine.
"""

from __future__ import annotations

import stat
import zlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import IO, cast
from unicodedata import normalize
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

from app.project_imports.failing import ImportFailed
from models.builder.files import MOST_FILES, Names, is_portable_path, is_source

DIRECTORY = 4 << 20  # bytes of an archive's list of entries, of which each takes a hundred or so
_METHODS = frozenset({ZIP_STORED, ZIP_DEFLATED})
_ENCRYPTED = 1


class Skipped(Enum):
    """Why an entry is not among the files."""

    IGNORED = "ignored"
    SPECIAL = "special"
    UNSAFE = "unsafe"
    CLASHING = "clashing"
    TOO_LARGE = "tooLarge"
    BINARY = "binary"


@dataclass(frozen=True, slots=True)
class ArchiveLimits:
    """Bytes: of the archive, of one file, and of the texts of all files together."""

    archive: int
    file: int
    text: int


@dataclass(slots=True)
class Contents:
    """What is taken of an archive, and how many entries are not, by the reason; `size` in bytes.

    `commit` is what the archive says that it was made of.
    """

    commit: str
    files: dict[str, str] = field(default_factory=dict[str, str])
    skipped: Counter[Skipped] = field(default_factory=Counter[Skipped])
    size: int = 0


def read_archive(
    file: IO[bytes], limits: ArchiveLimits, told: Callable[[int], None] = lambda _: None
) -> Contents:
    """The files of a ZIP whose entries lie in one folder. Blocks.

    `told` hears how many there are so far. Raises ImportFailed.
    """
    try:
        with ZipFile(cast("IO[bytes]", _Guarded(file))) as archive:
            reading, entries = _Reading(archive, limits), archive.infolist()
            if len({entry.header_offset for entry in entries}) < len(entries):
                raise ImportFailed("It lists the same bytes more than once.")
            for entry in entries:
                reading.take(entry)
                told(len(reading.contents.files))
    except (BadZipFile, zlib.error, EOFError, ValueError, NotImplementedError, OSError) as error:
        raise ImportFailed("What came is no whole archive.", retryable=True) from error
    return reading.contents


class _Reading:
    """Reads one archive."""

    def __init__(self, archive: ZipFile, limits: ArchiveLimits) -> None:
        self.contents = Contents(archive.comment.decode("ascii", "replace"))
        self._archive = archive
        self._limits = limits
        self._names = Names()
        self._unpacked = 0

    def take(self, entry: ZipInfo) -> None:
        """Add an entry to the files, or count why not. Raises ImportFailed for too much."""
        if entry.is_dir():
            return
        path = normalize("NFC", entry.filename.partition("/")[2])
        found = self._refused(entry, path) or self._text(entry)
        if isinstance(found, str) and not self._names.take(path):
            found = Skipped.CLASHING
        if isinstance(found, Skipped):
            self.contents.skipped[found] += 1
        else:
            self._add(path, found)

    def _refused(self, entry: ZipInfo, path: str) -> Skipped | None:
        """Why an entry is not even read."""
        kind = stat.S_IFMT(entry.external_attr >> 16)
        readable = entry.compress_type in _METHODS and not entry.flag_bits & _ENCRYPTED
        if kind not in (0, stat.S_IFREG) or not readable:
            return Skipped.SPECIAL
        if entry.filename.startswith("/") or not is_portable_path(path):
            return Skipped.UNSAFE
        if not is_source(path):
            return Skipped.IGNORED
        return Skipped.TOO_LARGE if entry.file_size > self._limits.file else None

    def _text(self, entry: ZipInfo) -> str | Skipped:
        """The text in a file, if that is what it holds."""
        with self._archive.open(entry) as opened:
            data = opened.read(self._limits.file)
        self._unpacked += len(data)
        if self._unpacked > self._limits.archive:
            raise ImportFailed("It is too large when unpacked.")
        try:
            text = data.decode()
        except UnicodeDecodeError:
            return Skipped.BINARY
        return Skipped.BINARY if "\0" in text else text

    def _add(self, path: str, text: str) -> None:
        contents = self.contents
        contents.files[path] = text
        contents.size += len(text.encode())
        if len(contents.files) > MOST_FILES:
            raise ImportFailed(f"It has more than {MOST_FILES:,} files of text.")
        if contents.size > self._limits.text:
            raise ImportFailed(f"Its files have more than {self._limits.text:,} bytes of text.")


class _Guarded:
    """A file of which nobody reads much at once: the list of entries is read in one go."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.seek = file.seek
        self.tell = file.tell
        self.seekable = file.seekable

    def read(self, size: int = -1) -> bytes:
        """The next bytes. Raises ImportFailed."""
        if size > DIRECTORY:
            raise ImportFailed("It has too many entries.")
        return self._file.read(size)
