"""Whether bytes are what they are said to be, by what they begin with and consist of."""

from __future__ import annotations

import re
from typing import IO

import orjson

from models.errors import Invalid
from models.files.media_types import FIG, PDF, TEXTS, XLS, XLSX

_BEGIN: dict[str, re.Pattern[bytes]] = {
    "image/png": re.compile(rb"\x89PNG\r\n\x1a\n"),
    "image/jpeg": re.compile(rb"\xff\xd8\xff"),
    "image/gif": re.compile(rb"GIF8[79]a"),
    "image/webp": re.compile(rb"RIFF....WEBP", re.DOTALL),
    PDF: re.compile(rb"%PDF-"),
    XLS: re.compile(rb"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"),
    XLSX: re.compile(rb"PK\x03\x04"),
    FIG: re.compile(rb"fig-kiwi|PK\x03\x04"),
}
_WORKBOOK = (b"[Content_Types].xml", b"xl/workbook.xml")  # names stand in a ZIP as they are
# The head of a ZIP's entry: 26 bytes, the name's length and that of what follows it, the name.
_CANVAS = re.compile(rb"PK\x03\x04.{22}\x0a\x00.{2}canvas\.fig", re.DOTALL)
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0e-\x1f\x7f]")


def check_type(file: IO[bytes], content_type: str) -> None:
    """Read a file from its start. Raises Invalid unless it is of the type."""
    file.seek(0)
    if not _is_of(file.read(), content_type):
        raise Invalid(f"What was uploaded is no {content_type}.", field="id")


def _is_of(data: bytes, content_type: str) -> bool:
    if content_type in TEXTS:
        return _is_text(data, content_type)
    begins = _BEGIN[content_type].match(data) is not None
    if content_type == FIG and begins:
        return data.startswith(b"fig-kiwi") or _CANVAS.search(data) is not None
    return begins and (content_type != XLSX or all(name in data for name in _WORKBOOK))


def _is_text(data: bytes, content_type: str) -> bool:
    try:
        text = data.decode()
        if content_type == "application/json":
            orjson.loads(data.removeprefix(b"\xef\xbb\xbf"))
    except ValueError:
        return False
    return not _CONTROL.search(text)
