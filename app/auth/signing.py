"""Compact JWS: take it apart, then check its signature with a key that the token did not bring."""

import re
from base64 import urlsafe_b64decode
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any, cast

import orjson
from joserfc.errors import JoseError, UnsupportedAlgorithmError
from joserfc.jwa import JWSAlgModel
from joserfc.jwk import Key
from joserfc.jws import CompactSignature, JWSRegistry, validate_compact

from models.errors import Unauthenticated

MAX_TOKEN = 8 << 10
MAX_KEY_ID = 255

# Possessive, so that a long token without a dot is given up in one pass.
_SHAPE = re.compile(r"([A-Za-z0-9_-]++)\.([A-Za-z0-9_-]++)\.([A-Za-z0-9_-]*+)")
# RFC 8725 3.11: another type of token by the same issuer (logout+jwt, dpop+jwt) is no sign-in.
_TYPES = {"jwt", "at+jwt", "application/jwt", "application/at+jwt"}


class Algorithms(JWSRegistry):
    """Accepts exactly the named algorithms and knows what fits a key."""

    def __init__(self, names: Collection[str]) -> None:
        # Providers add headers of their own (Clerk: `cat`); unknown ones are ignored.
        super().__init__(algorithms=frozenset(names), strict_check_header=False)
        self.names = frozenset(names)

    def get_alg(self, name: str) -> JWSAlgModel:
        """As the library's, without its warning at each EdDSA token: providers still send it."""
        if name not in self.names or name not in self.algorithms:
            raise UnsupportedAlgorithmError("not accepted")
        return self.algorithms[name]

    def fits(self, name: str, key: Key) -> bool:
        """Whether the key may check the algorithm: type, curve, and its own `alg` and `use`."""
        try:
            self.get_alg(name).check_key(key)
        except JoseError:
            return False
        return True


@dataclass(frozen=True, slots=True)
class UnverifiedToken:
    """A token taken apart. Only its shape was checked: nothing in it is to be believed yet."""

    header: dict[str, Any]
    algorithm: str
    kid: str | None
    segments: tuple[bytes, bytes, bytes]


def parse(token: str) -> UnverifiedToken:
    """Take a token apart. Raises Unauthenticated; linear in at most MAX_TOKEN characters."""
    if len(token) > MAX_TOKEN:
        raise Unauthenticated("The token is too large.")
    match = _SHAPE.fullmatch(token)
    if match is None:
        raise Unauthenticated("The token is malformed.")
    header_segment, payload_segment, signature_segment = match.groups()
    header = _json_object(_decode(header_segment.encode()))
    algorithm, kid, kind = header.get("alg"), header.get("kid"), header.get("typ", "JWT")
    if not isinstance(algorithm, str) or not isinstance(kind, str):
        raise Unauthenticated("The token is malformed.")
    if kid is not None and (not isinstance(kid, str) or not 0 < len(kid) <= MAX_KEY_ID):
        raise Unauthenticated("The token is malformed.")
    if "crit" in header or "b64" in header:
        raise Unauthenticated("The token asks for an extension that is not supported.")
    if kind.lower() not in _TYPES:
        raise Unauthenticated("The token's type is not accepted.")
    segments = (header_segment.encode(), payload_segment.encode(), signature_segment.encode())
    return UnverifiedToken(header, algorithm, kid, segments)


def verified_payload(
    token: UnverifiedToken, keys: Iterable[Key], algorithms: Algorithms
) -> dict[str, Any]:
    """The claims, once the signature holds under one of the keys. Raises Unauthenticated."""
    if not any(_is_signed_by(key, token, algorithms) for key in keys):
        raise Unauthenticated("The token's signature is wrong.")
    return _json_object(_decode(token.segments[1]))


def _is_signed_by(key: Key, token: UnverifiedToken, algorithms: Algorithms) -> bool:
    header_segment, payload_segment, signature_segment = token.segments
    signed = CompactSignature(token.header, _decode(payload_segment))
    signed.segments.update(
        {"header": header_segment, "payload": payload_segment, "signature": signature_segment}
    )
    try:
        return validate_compact(signed, key, registry=algorithms)
    except (JoseError, ValueError):
        return False


def _decode(segment: bytes) -> bytes:
    try:
        return urlsafe_b64decode(segment + b"=" * (-len(segment) % 4))
    except ValueError:
        raise Unauthenticated("The token is malformed.") from None


def _json_object(text: bytes) -> dict[str, Any]:
    # orjson refuses NaN, lone surrogates and deep nesting with an error, never a crash.
    try:
        found: object = orjson.loads(text)
    except orjson.JSONDecodeError:
        raise Unauthenticated("The token is malformed.") from None
    if not isinstance(found, dict):
        raise Unauthenticated("The token is malformed.")
    return cast("dict[str, Any]", found)
