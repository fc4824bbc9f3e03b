"""Opaque values that only the server can make: cursors and resume tokens."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import b2a_base64
from collections.abc import Callable, Mapping, Sequence
from hashlib import blake2b
from hmac import compare_digest
from typing import Any, TypeAlias

import orjson

from models.errors import Invalid

MAX_SIGNED = 16 << 10
TAG_SIZE = 16

_URL_SAFE = bytes.maketrans(b"+/", b"-_")
_BYTES = b"\x00"
_JSON = b"\x01"

Payload: TypeAlias = bytes | str | int | float | bool | Sequence[Any] | Mapping[str, Any] | None


class Signer:
    """Signs small values with keyed BLAKE2b, cut to 128 bits; they are readable, not secret.

    The same payload under the same purpose and key always gives the same text, and every text
    but that one is refused, or those that the `previous` keys would give. A key has 16 to 64
    bytes and serves nothing else.
    """

    def __init__(self, key: bytes, previous: Sequence[bytes] = ()) -> None:
        keys = (key, *previous)
        if not all(16 <= len(one) <= 64 for one in keys):
            raise ValueError("a key must have 16 to 64 bytes")
        self._keyed, *self._previous = (blake2b(key=one, digest_size=TAG_SIZE) for one in keys)

    def sign(self, purpose: str, payload: Payload) -> str:
        """URL-safe text that `open` takes back under the same purpose.

        `payload` is bytes or JSON (a tuple comes back as a list). Raises ValueError when the
        text would be longer than MAX_SIGNED characters.
        """
        return self.signing(purpose)(payload)

    def signing(self, purpose: str) -> Callable[[Payload], str]:
        """`sign` for one purpose, which takes half as long."""
        keyed = _named(self._keyed, purpose)

        def sign(payload: Payload) -> str:
            if isinstance(payload, bytes):
                body = _BYTES + payload
            else:
                body = _JSON + orjson.dumps(payload, option=orjson.OPT_SORT_KEYS)
            tag = keyed.copy()
            tag.update(body)
            text = b2a_base64(tag.digest() + body, newline=False).translate(_URL_SAFE).rstrip(b"=")
            if len(text) > MAX_SIGNED:
                raise ValueError("too long to sign")
            return text.decode()

        return sign

    def open(self, purpose: str, token: str) -> Any:
        """The payload that was signed under this purpose. Raises Invalid for anything else."""
        try:
            text = token.encode("ascii") if len(token) <= MAX_SIGNED else b""
            data = urlsafe_b64decode(text + b"=" * (-len(text) % 4))
        except ValueError:
            raise Invalid("The value was not issued by this server.") from None
        body = data[TAG_SIZE:]
        # Decoding forgives stray characters and spare bits; encoding again does not.
        genuine = urlsafe_b64encode(data).rstrip(b"=") == text
        if not self._is_tag(data[:TAG_SIZE], purpose, body) or not genuine or not body:
            raise Invalid("The value was not issued by this server.")
        return body[1:] if body[:1] == _BYTES else orjson.loads(body[1:])

    def _is_tag(self, tag: bytes, purpose: str, body: bytes) -> bool:
        """Whether one of the keys gives this tag."""
        return any(
            compare_digest(_tag(keyed, purpose, body), tag)
            for keyed in (self._keyed, *self._previous)
        )


def _tag(keyed: blake2b, purpose: str, body: bytes) -> bytes:
    named = _named(keyed, purpose)
    named.update(body)
    return named.digest()


def _named(keyed: blake2b, purpose: str) -> blake2b:
    """A hash that has taken the purpose, and next takes the body."""
    name = purpose.encode()
    named = keyed.copy()
    # The length keeps purpose and body apart, whatever is in them.
    named.update(len(name).to_bytes(8, "big") + name)
    return named
