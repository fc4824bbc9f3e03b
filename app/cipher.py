"""Secrets at rest: AES-256-GCM, bound to their owner and to what they are for.

A sealed text is `<key id>.<nonce and ciphertext>`, both base64url without padding. The key id
tells which key sealed it, so that a new key can take over while older texts still open.
"""

import base64
import hashlib
import secrets
from collections.abc import Sequence
from typing import Self

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from app.auth import derive_key, load_secret, previous_keys
from app.config import Settings

NONCE = 12  # bytes
PURPOSE = "secrets at rest"  # what the key is derived for


class BadSeal(ValueError):
    """A sealed text is damaged, or was not sealed for this owner and purpose by a known key."""


class Cipher:
    """Seals with `key` (32 bytes, see `app.auth.derive_key`), and opens also what one of the
    `previous` keys sealed."""

    def __init__(self, key: bytes, previous: Sequence[bytes] = ()) -> None:
        self._id = _id_of(key)
        self._keys = {_id_of(known): AESGCM(known) for known in (*previous, key)}

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """The cipher of an installation. Raises BadConfiguration."""
        key = derive_key(load_secret(settings), PURPOSE)
        return cls(key, previous_keys(settings, PURPOSE))

    @property
    def key_id(self) -> str:
        """What a text sealed by the present key begins with, before a dot."""
        return self._id

    def seal(self, text: str, *, owner: str, purpose: str) -> str:
        """Encrypt a text for an owner (`usr_…`) and a purpose (`oauth_connection.access_token`).

        The same text gives another result each time.
        """
        nonce = secrets.token_bytes(NONCE)
        sealed = self._keys[self._id].encrypt(nonce, text.encode(), _bound(owner, purpose))
        return f"{self._id}.{_encoded(nonce + sealed)}"

    def open(self, sealed: str, *, owner: str, purpose: str) -> str:
        """The text that was sealed for this owner and purpose. Raises BadSeal."""
        id, _, body = sealed.partition(".")
        if id not in self._keys:
            raise BadSeal("It was sealed with an unknown key.")
        try:
            raw = _decoded(body)
            opened = self._keys[id].decrypt(raw[:NONCE], raw[NONCE:], _bound(owner, purpose))
        except (InvalidTag, ValueError) as error:
            raise BadSeal("It is damaged, or sealed for something else.") from error
        return opened.decode()


def _id_of(key: bytes) -> str:
    return _encoded(hashlib.sha256(b"key id:" + key).digest()[:6])


def _bound(owner: str, purpose: str) -> bytes:
    """The associated data; as JSON, so that no two pairs look the same."""
    return orjson.dumps([owner, purpose])


def _encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _decoded(text: str) -> bytes:
    """The bytes of a text that has no other spelling. Raises ValueError."""
    raw = base64.b64decode(text + "=" * (-len(text) % 4), b"-_", validate=True)
    if _encoded(raw) != text:
        raise ValueError("not how it is spelt")
    return raw
