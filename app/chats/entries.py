"""The entries of a `conversations.json`, one at a time, however large the file is.

The file is one array. It is cut at the brackets of its entries before anything is parsed, so what
is wrong inside an entry, be it a broken escape or half a character, is wrong with this one alone.
"""

from __future__ import annotations

import json
import re
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, cast

from app.chats.chat import Unfit
from models.errors import Invalid
from models.storable import storable_json

PIECE = 64 << 10  # bytes that are read at once
ENTRY_LIMIT = 32 << 20  # bytes
DEPTH_LIMIT = 100  # brackets in each other
BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError)
"""What zipfile raises for an entry that is damaged, cut short, locked, or packed strangely."""

Entry = dict[str, Any]

BROKEN_OFF = "the file breaks off here"

_NAMES = re.compile(r"(?:.*/)?conversations(?:-\d+)?\.json")
_BOM = b"\xef\xbb\xbf"
_OUTSIDE = re.compile(rb'["\[\]{}]')
_INSIDE = re.compile(rb'["\\]')
_BETWEEN = re.compile(rb"[\[\s,]*")
_SUSPECT = re.compile(rb"\x00|\\u(?:0000|[dD][89a-fA-F])")
_DIGITS = 18  # that surely fit into 64 bits


class Splitter:
    """Cuts the bytes of an array into those of its entries."""

    def __init__(self) -> None:
        self.over = False
        self._depth = self._deepest = self._size = self._skip = 0
        self._in_string = self._stray = False
        self._kept = bytearray()

    def feed(self, piece: bytes) -> Iterator[bytes | Unfit]:
        """The entries that end in the next piece; of some it can only be told why not."""
        start, place = 0, self._skip
        while found := (_INSIDE if self._in_string else _OUTSIDE).search(piece, place):
            place = found.end()
            if found[0] == b"\\":
                place += 1
            elif found[0] == b'"':
                self._in_string = not self._in_string
            elif found[0] in b"[{":
                self._open()
                if self._depth == 2:
                    yield from self._between(piece[start : place - 1], ended=True)
                    start = place - 1
            else:
                self._depth -= 1
                if self._depth == 1:
                    yield self._taken(piece[start:place])
                    start = place
                elif not self._depth:
                    self.over = True
                    yield from self._between(piece[start : place - 1], ended=True)
                    return
        self._skip = max(place - len(piece), 0)
        if self._depth > 1:
            self._keep(piece[start:])
        else:
            yield from self._between(piece[start:], ended=False)

    def _open(self) -> None:
        self._depth += 1
        self._deepest = max(self._deepest, self._depth)

    def _between(self, text: bytes, *, ended: bool) -> Iterator[Unfit]:
        """What stands between entries: a comma, or a value that is none."""
        self._stray = self._stray or not _BETWEEN.fullmatch(text)
        if self._stray and ended:
            self._stray = False
            yield Unfit("not an object")

    def _keep(self, text: bytes) -> None:
        self._size += len(text)
        if self._size <= ENTRY_LIMIT:
            self._kept += text
        else:
            self._kept.clear()

    def _taken(self, text: bytes) -> bytes | Unfit:
        self._keep(text)
        size, deepest, kept = self._size, self._deepest, bytes(self._kept)
        self._size, self._deepest = 0, 1
        self._kept.clear()
        if size > ENTRY_LIMIT:
            return Unfit(f"longer than {ENTRY_LIMIT >> 20} MiB")
        return Unfit(f"more than {DEPTH_LIMIT} levels deep") if deepest > DEPTH_LIMIT else kept


def entries(path: Path) -> Iterator[tuple[int, bytes | Unfit]]:
    """The entries of a `conversations.json`, or of the ZIP that holds it, numbered from 1.

    Raises Invalid for a file that is neither, OSError for one that can't be read. What breaks off
    ends in an Unfit.
    """
    return enumerate((entry for file in _files(path) for entry in _entries(file)), 1)


def parsed(entry: bytes) -> tuple[Entry, bool]:
    """The object that an entry is, and whether it had to be mended: characters that can't be kept
    become U+FFFD. Raises Unfit."""
    try:
        text = entry.decode()
        broken = False
    except UnicodeDecodeError:
        text, broken = entry.decode(errors="replace"), True
    try:
        value = json.loads(text, strict=False, parse_int=_whole, parse_constant=lambda _name: None)
    except json.JSONDecodeError as error:
        raise Unfit(f"no JSON at character {error.pos + 1:,}") from error
    if not isinstance(value, dict):
        raise Unfit("not an object")
    found = cast("Entry", value)
    if not _SUSPECT.search(entry):
        return found, broken
    kept = storable_json(found)
    return kept, broken or kept != found


def _whole(digits: str) -> int | float:
    return int(digits) if len(digits) <= _DIGITS else float(digits)


def _files(path: Path) -> Iterator[IO[bytes]]:
    """What holds conversations: the file itself, or all such files in a ZIP."""
    if not zipfile.is_zipfile(path):
        with path.open("rb") as file:
            yield file
        return
    with zipfile.ZipFile(path) as archive:
        names = sorted(name for name in archive.namelist() if _NAMES.fullmatch(name))
        if not names:
            raise Invalid("The ZIP holds no conversations.json.")
        for name in names:
            with archive.open(name) as file:
                yield file


def _entries(file: IO[bytes]) -> Iterator[bytes | Unfit]:
    splitter = Splitter()
    try:
        piece = file.read(PIECE).removeprefix(_BOM)
        if not piece.lstrip().startswith(b"["):
            raise Invalid("The file is no list of conversations.")
        while piece and not splitter.over:
            yield from splitter.feed(piece)
            piece = file.read(PIECE)
    except BROKEN as error:
        raise Invalid(f"The ZIP can't be read: {error}") from error
    if not splitter.over:
        yield Unfit(BROKEN_OFF)
