"""What a model is told of attached files: where they are or, where it can't fetch them, what they
hold."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass
from typing import TYPE_CHECKING

from models.errors import NotFound
from models.files.media_types import IMAGES, TEXTS
from models.providing import ContentPart

if TYPE_CHECKING:
    from models.storing import Files

MOST_INLINED = 10 << 20
"""Bytes of all files that one prompt holds."""


@dataclass(frozen=True, slots=True)
class Attached:
    """An attachment: something at a `url`, or the file of an upload."""

    kind: str
    url: str | None
    name: str | None
    file_id: str | None
    key: str | None
    sha256: str | None
    content_type: str | None
    size: int | None


class Telling:
    """Tells one prompt of its files, and puts in as many bytes as there is room for.

    Whoever calls goes from the newest file to the oldest.
    """

    def __init__(self, files: Files) -> None:
        self._files = files
        self._room = MOST_INLINED

    async def part(self, one: Attached) -> ContentPart:
        """The part of the prompt that is an attachment. Raises Unavailable."""
        if one.file_id is None:
            return _linked(one, one.url or "")
        if self._files.public:
            return _linked(one, self._files.download_url(one.file_id, "file"))
        held = await self._read(one) if one.content_type in IMAGES | TEXTS else None
        if held is None:
            return ContentPart("text", f"[{_name(one)}]")
        if one.content_type in IMAGES:
            return ContentPart(
                "image", f"data:{one.content_type};base64,{b64encode(held).decode()}"
            )
        return ContentPart("text", f"[{_name(one)}]\n{held.decode(errors='replace')}")

    async def _read(self, one: Attached) -> bytes | None:
        """What is in an upload; None where there is no room for it, or it is gone."""
        if one.key is None or one.sha256 is None or one.size is None or one.size > self._room:
            return None
        self._room -= one.size
        try:
            return await self._files.read(one.key, one.sha256)
        except NotFound:
            return None


def _linked(one: Attached, url: str) -> ContentPart:
    if one.kind == "IMAGE":
        return ContentPart("image", url)
    return ContentPart("text", f"[{_name(one)}]({url})")


def _name(one: Attached) -> str:
    return one.name or one.kind.lower()
