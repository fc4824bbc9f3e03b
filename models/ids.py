"""Ids that sort by time and say what they name: `msg_01h455vb4pex5vsknk084sn02q` (TypeID)."""

from __future__ import annotations

import re

from uuid_utils import uuid7

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_PATTERN = re.compile(r"([a-z]{2,6})_([0-7][0-9a-hjkmnp-tv-z]{25})")


def new_id(prefix: str) -> str:
    """A fresh id; later ones of this process sort after it."""
    return f"{prefix}_{encode(uuid7().int)}"


def encode(number: int) -> str:
    """128 bits as 26 characters of Crockford's base 32, the first bit first."""
    return "".join([ALPHABET[number >> shift & 31] for shift in range(125, -1, -5)])


def prefix_of(value: str) -> str | None:
    """The prefix of a well-formed id, or None for any other text."""
    found = _PATTERN.fullmatch(value)
    return found.group(1) if found else None
