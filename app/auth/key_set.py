"""A JSON Web Key Set (RFC 7517), of which only public signing keys are kept."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, cast

import orjson
from joserfc.errors import JoseError
from joserfc.jwk import JWKRegistry, Key
from joserfc.util import base64_to_int

from app.auth.signing import Algorithms
from models.errors import Unauthenticated

MAX_KEYS = 100

# The parts of a public key. Nothing else of a JWK is read: no certificate, no private part,
# and no `oct`, since a shared secret in a public document signs for everybody.
_PARTS = {"RSA": ("n", "e"), "EC": ("crv", "x", "y"), "OKP": ("crv", "x")}
_CURVES = {"EC": {"P-256", "P-384", "P-521", "secp256k1"}, "OKP": {"Ed25519", "Ed448"}}
_RSA_BITS = range(2048, 8193)


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A key and its name. Two are the same key only if everything about them is the same."""

    kid: str | None
    thumbprint: str
    alg: str | None
    key: Key

    @property
    def identity(self) -> tuple[str | None, str, str | None]:
        """What stays equal when the same key is fetched again."""
        return self.kid, self.thumbprint, self.alg


class KeySet:
    """An immutable set of signing keys."""

    def __init__(self, keys: Iterable[SigningKey]) -> None:
        self._keys = tuple(keys)
        self._identities = frozenset(key.identity for key in self._keys)
        self._by_kid: dict[str | None, list[SigningKey]] = {}
        for key in self._keys:
            self._by_kid.setdefault(key.kid, []).append(key)

    @classmethod
    def from_json(cls, body: bytes) -> "KeySet":
        """Read a set. A key that is unknown, weak or broken is left out (RFC 7517, 5).

        Raises ValueError when the document itself is no key set or names more than MAX_KEYS.
        """
        document: object = orjson.loads(body)
        found = cast("dict[str, object]", document).get("keys") if _is_dict(document) else None
        if not isinstance(found, list):
            raise ValueError("not a key set")  # noqa: TRY004 - one error for any bad document
        entries = cast("list[object]", found)
        if len(entries) > MAX_KEYS:
            raise ValueError("too many keys")
        keys = (_signing_key(cast("dict[str, Any]", e)) for e in entries if _is_dict(e))
        return cls(key for key in keys if key is not None)

    def __contains__(self, key: SigningKey) -> bool:
        return key.identity in self._identities

    def find(self, kid: str | None, algorithm: str, algorithms: Algorithms) -> SigningKey | None:
        """The key that must have signed, or None when no key has that name.

        A token may leave out `kid` only when there is no choice. Raises Unauthenticated when the
        key is known but not for this algorithm, or when the token should have named one.
        """
        if kid is None and len(self._keys) > 1:
            raise Unauthenticated("The token names no signing key.")
        named = list(self._keys) if kid is None else self._by_kid.get(kid, [])
        if not named:
            return None
        for key in named:
            if algorithms.fits(algorithm, key.key):
                return key
        raise Unauthenticated("The token's algorithm does not fit its signing key.")


def _signing_key(jwk: Mapping[str, Any]) -> SigningKey | None:
    kind, kid, alg = jwk.get("kty"), jwk.get("kid"), jwk.get("alg")
    if not isinstance(kind, str) or kind not in _PARTS or not _may_sign(jwk):
        return None
    if not all(value is None or isinstance(value, str) for value in (kid, alg)):
        return None
    if not all(isinstance(jwk.get(part), str) for part in _PARTS[kind]):
        return None
    if kind in _CURVES and jwk["crv"] not in _CURVES[kind]:
        return None
    public = {part: jwk[part] for part in _PARTS[kind]} | {"kty": kind}
    if alg is not None:
        public["alg"] = alg
    try:
        if kind == "RSA" and base64_to_int(jwk["n"]).bit_length() not in _RSA_BITS:
            return None
        key = JWKRegistry.import_key(public)
        return SigningKey(kid, key.thumbprint(), alg, key)
    except (JoseError, ValueError):
        return None


def _may_sign(jwk: Mapping[str, Any]) -> bool:
    operations: object = jwk.get("key_ops", ["verify"])
    listed = cast("list[object]", operations) if isinstance(operations, list) else []
    return jwk.get("use", "sig") == "sig" and "verify" in listed


def _is_dict(value: object) -> bool:
    return isinstance(value, dict)
