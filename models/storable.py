"""What PostgreSQL can keep of texts."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast

from models.errors import Invalid

DEEPEST = 100
"""Levels of a JSON value, at most: orjson writes 254, those around the value among them."""


def refuse_unstorable(value: str, field: str) -> None:
    """PostgreSQL keeps neither NUL nor lone surrogates; raise Invalid for both."""
    if "\0" in value:
        raise Invalid("Text must not contain NUL.", field=field)
    try:
        value.encode()
    except UnicodeEncodeError:
        raise Invalid("Text must be valid Unicode.", field=field) from None


def storable(text: str) -> str:
    """Text without what PostgreSQL can't keep: halves of characters are joined, NUL and lone
    surrogates become U+FFFD."""
    if not text.isascii():
        text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text.replace("\0", "\ufffd")


def refuse_unstorable_json(value: Any, field: str) -> None:
    """The same for every text in a JSON value, and raise Invalid for one that is too deep."""
    if too_deep(value):
        raise Invalid(f"At most {DEEPEST} levels.", field=field)
    stack = [value]
    while stack:
        item = stack.pop()
        if isinstance(item, str):
            refuse_unstorable(item, field)
        elif isinstance(item, dict):
            stack.extend(item.keys())  # type: ignore[arg-type]
            stack.extend(item.values())  # type: ignore[arg-type]
        elif isinstance(item, list):
            stack.extend(item)  # type: ignore[arg-type]


def too_deep(value: Any) -> bool:
    """Whether a JSON value has more levels than can be kept and shown."""
    level = [value]
    for _ in range(DEEPEST):
        level = [inner for outer in level for inner in _inside(outer)]
    return any(isinstance(one, dict | list) for one in level)


def _inside(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return cast("dict[str, Any]", value).values()
    return cast("list[Any]", value) if isinstance(value, list) else ()
