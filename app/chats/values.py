"""Values of a chat's export, which may be of any type, as what our columns hold."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from app.chats.chat import Part
from app.chats.findings import Notes
from models.chat.attachments import refuse_unsafe
from models.chat.messages import CONTENT_LIMIT
from models.errors import Invalid

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LAST = 253_402_300_799  # s; the end of the year 9999
SHORTENED = "text shortened to what a message holds"


def moment(value: Any, notes: Notes, message: str | None = None) -> datetime | None:
    """A time, in seconds since 1970 or as ISO 8601, cut to milliseconds; None for no time."""
    if value is None:
        return None
    try:
        return _seconds(value) if type(value) in (int, float) else _iso(value)
    except (ValueError, TypeError, OverflowError):
        notes.flaw("time left out: none between 1970 and 9999", message)
        return None


def _seconds(value: float) -> datetime:
    if not (math.isfinite(value) and 0 <= value <= LAST):
        raise ValueError("no such time")
    return EPOCH + timedelta(milliseconds=int(round(value * 1000, 3)))


def _iso(value: Any) -> datetime:
    read = datetime.fromisoformat(value)
    found = (read if read.tzinfo else read.replace(tzinfo=UTC)).astimezone(UTC)
    if found < EPOCH:
        raise ValueError("no such time")
    return found.replace(microsecond=found.microsecond // 1000 * 1000)


def text(value: Any) -> str:
    """A text; empty for anything else."""
    return value if isinstance(value, str) else ""


def key(value: Any) -> str | None:
    """An id of the source; None for anything else."""
    return value if isinstance(value, str) and value else None


def mapping(value: Any) -> Mapping[str, Any]:
    """An object; an empty one for anything else."""
    return cast("Mapping[str, Any]", value) if isinstance(value, dict) else {}


def listed(value: Any) -> Sequence[Any]:
    """A list; an empty one for anything else."""
    return cast("Sequence[Any]", value) if isinstance(value, list) else ()


def objects(value: Any) -> Iterator[Mapping[str, Any]]:
    """The objects in a list."""
    return (mapping(one) for one in listed(value) if isinstance(one, dict))


def bounded(said: str, notes: Notes, message: str) -> str:
    """A text that is no longer than a message's."""
    if len(said) > CONTENT_LIMIT:
        notes.flaw(SHORTENED, message)
    return said[:CONTENT_LIMIT]


def text_part(said: str) -> Part:
    """A part for the reader."""
    return {"kind": "text", "text": said}


def reasoning_part(said: str) -> Part:
    """A part that the model thought."""
    return {"kind": "reasoning", "text": said}


def call_part(call_id: Any, name: Any, arguments: Any) -> Part:
    """A part that is a call of a tool."""
    return {"kind": "tool_call", "callId": key(call_id), "name": text(name), "arguments": arguments}


def result_part(call_id: Any, name: Any, result: Any, *, failed: bool = False) -> Part:
    """A part that is what a tool gave."""
    told = {"kind": "tool_result", "callId": key(call_id), "name": text(name), "result": result}
    return told | {"failed": True} if failed else told


def source_part(url: Any, title: Any) -> Part | None:
    """A part that is a source with a web address; None for no such address."""
    try:
        refuse_unsafe(text(url))
    except Invalid:
        return None
    return {"kind": "source", "url": url, "title": text(title) or None}
