"""How tokens for scripts are spelled: `pnt_`, 30 letters and digits nobody can guess, a checksum.

By the beginning and the checksum, scanners of source code find a token that was published, and a
mistyped one is known without a look into the database.
"""

from __future__ import annotations

import string
from base64 import urlsafe_b64decode
from binascii import crc32
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from models.ports import Tickets

MARK = "pnt_"
SHOWN = 10
"""Characters that a list of tokens shows."""

_ALPHABET = string.digits + string.ascii_uppercase + string.ascii_lowercase
_BODY = 30  # characters, 178 bits
_CHECK = 6  # characters, enough for 32 bits


def api_token_of(tickets: Tickets, id: str) -> str:
    """The token of a row, which no table holds: made from its id, so that a repeated call that
    made one shows the same."""
    mark = tickets.token_of("api token", id)
    body = _digits(int.from_bytes(urlsafe_b64decode(mark + "=")), _BODY)
    return MARK + body + checksum(body)


def is_api_token(token: str) -> bool:
    """Whether a text is meant to be such a token."""
    return token.startswith(MARK)


def is_intact(token: str) -> bool:
    """Whether the checksum of such a token is right."""
    body = token.removeprefix(MARK)
    return len(body) == _BODY + _CHECK and checksum(body[:_BODY]) == body[_BODY:]


def checksum(text: str) -> str:
    """CRC-32 in base 62, six digits."""
    return _digits(crc32(text.encode()), _CHECK)


def _digits(number: int, count: int) -> str:
    """The last digits of a number in base 62."""
    digits = ""
    for _ in range(count):
        number, rest = divmod(number, len(_ALPHABET))
        digits = _ALPHABET[rest] + digits
    return digits
