"""Ids that sort by time and say what they name: `msg_01h455vb4pex5vsknk084sn02q` (TypeID)."""

from __future__ import annotations

import hashlib
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


def derived_id(prefix: str, milliseconds: int, key: str) -> str:
    """An id that sorts by the time given and is otherwise a hash of `key` (a UUID v7)."""
    noise = int.from_bytes(hashlib.sha256(key.encode()).digest()[:10])
    high, low = noise >> 62 & 0xFFF, noise & (1 << 62) - 1
    number = (milliseconds & (1 << 48) - 1) << 80 | 7 << 76 | high << 64 | 2 << 62 | low
    return f"{prefix}_{encode(number)}"


def milliseconds_of(id: str) -> int:
    """The time that a well-formed id tells, since 1970."""
    _, _, letters = id.partition("_")
    number = 0
    for letter in letters:
        number = number << 5 | ALPHABET.index(letter)
    return number >> 80


def prefix_of(value: str) -> str | None:
    """The prefix of a well-formed id, or None for any other text."""
    found = _PATTERN.fullmatch(value)
    return found.group(1) if found else None
