"""How tokens for scripts are spelled: `pnt_`, 30 random letters and digits, and a checksum.

By the beginning and the checksum, scanners of source code find a token that was published, and a
mistyped one is known without a look into the database.
"""

from __future__ import annotations

import secrets
import string
from binascii import crc32

MARK = "pnt_"
SHOWN = 10
"""Characters that a list of tokens shows."""

_ALPHABET = string.digits + string.ascii_uppercase + string.ascii_lowercase
_RANDOM = 30  # characters, 178 bits
_CHECK = 6  # characters, enough for 32 bits


def new_api_token() -> str:
    """A fresh token."""
    body = "".join(secrets.choice(_ALPHABET) for _ in range(_RANDOM))
    return MARK + body + checksum(body)


def is_api_token(token: str) -> bool:
    """Whether a text is meant to be such a token."""
    return token.startswith(MARK)


def is_intact(token: str) -> bool:
    """Whether the checksum of such a token is right."""
    body = token.removeprefix(MARK)
    return len(body) == _RANDOM + _CHECK and checksum(body[:_RANDOM]) == body[_RANDOM:]


def checksum(text: str) -> str:
    """CRC-32 in base 62, six digits."""
    number, digits = crc32(text.encode()), ""
    for _ in range(_CHECK):
        number, rest = divmod(number, len(_ALPHABET))
        digits = _ALPHABET[rest] + digits
    return digits
