"""How values of the chat app are read that are not read as their columns are."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, cast

import orjson

from app.convex.readers import Note, Skipped, Unfit, text, web_address
from models.accounts.addresses import address_of
from models.accounts.preferences import MODEL_LIMIT, MOST_MODELS
from models.accounts.users import User
from models.chat.attachments import PER_MESSAGE
from models.chat.parts import TextPart, parts_of
from models.errors import Invalid
from models.files.names import made_plain
from models.ids import prefix_of

Json = Mapping[str, Any]

NAME_LIMIT, TYPE_LIMIT, ID_LIMIT = 255, 127, 255
MOST_BYTES = 2**31 - 1


def e_mail(value: Any, note: Note) -> str | None:
    """An address in lower case; left out where it is none."""
    try:
        return address_of(text(value, note), field="email")
    except Invalid:
        note("left out: no e-mail address")
        return None


def picture(value: Any, note: Note) -> str | None:
    """The address of a picture; left out where it is unsafe."""
    try:
        return web_address(value, note)
    except Skipped:
        note("left out: unsafe URL of a picture")
        return None


def model_names(value: Any, note: Note) -> str:
    """A list of models, each once, as JSON; also of such as are not on offer here."""
    if not isinstance(value, list):
        raise Unfit("no list of names")
    names = list(dict.fromkeys(text(one, note) for one in cast("list[Any]", value)))
    kept = [name for name in names if 0 < len(name) <= MODEL_LIMIT][:MOST_MODELS]
    for _ in range(len(names) - len(kept)):
        note("left out: name of a model, too long or too many")
    return orjson.dumps(kept).decode()


def number(value: Any, _note: Note) -> float:
    """Any number that can be compared."""
    if type(value) not in {int, float} or not math.isfinite(value):
        raise Unfit("no number")
    return float(value)


def flag(value: Any, _note: Note) -> bool:
    """True or false."""
    if not isinstance(value, bool):
        raise Unfit("neither true nor false")
    return value


def file_name(value: Any, note: Note) -> str:
    """A name of a file, without folders."""
    return made_plain(text(value, note))[:NAME_LIMIT]


def guest_key(value: Any, note: Note) -> str:
    """Who is counted. Raises Skipped for what would count somebody of this server."""
    found = text(value, note)
    if found.startswith("ip_") or prefix_of(found) == User.prefix:
        raise Skipped("skipped: named as a counter of this server")
    return found


def attached(value: Any, note: Note) -> str | None:
    """The attachments that a message lists, as JSON of known names and bounds."""
    if not isinstance(value, list):
        raise Unfit("no list of attachments")
    found = [_attachment(one, note) for one in cast("list[Any]", value)]
    kept = [one for one in found if one is not None]
    for _ in kept[PER_MESSAGE:]:
        note(f"attachment left out: more than {PER_MESSAGE} in a message")
    return orjson.dumps(kept[:PER_MESSAGE]).decode() if kept else None


def _attachment(value: Any, note: Note) -> dict[str, Any] | None:
    one = cast("Json", value if isinstance(value, dict) else {})
    try:
        url = web_address(_text(one, "url", "fileUrl"), note)
    except Skipped:
        note("attachment left out: no safe URL")
        return None
    name, kind = _text(one, "name", "fileName", "filename"), _text(one, "contentType", "fileType")
    storage = _text(one, "storageId")
    return {
        "url": url,
        "name": file_name(name, note) if name else None,
        "type": kind[:TYPE_LIMIT] or None,
        "size": _size(one.get("size", one.get("fileSize"))),
        "storageId": storage if 0 < len(storage) <= ID_LIMIT else None,
    }


def _text(one: Json, *names: str) -> str:
    """The first of some values that is text."""
    return next((value for name in names if isinstance(value := one.get(name), str)), "")


def _size(value: Any) -> int:
    """A size in bytes; 0 where it is not told."""
    known = type(value) in {int, float} and 0 <= value <= MOST_BYTES
    return int(value) if known else 0


def with_text(document: Json, _note: Note) -> Json:
    """A message whose text is in its parts alone, with that as its content."""
    content, parts = document.get("content"), document.get("parts")
    if content or not isinstance(parts, list):
        return document
    texts = [part.text for part in parts_of("", parts) if isinstance(part, TextPart)]
    return {**document, "content": "\n\n".join(filter(None, texts))}
