"""Tokens of the identity provider, checked against its published keys."""

import hashlib
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from aiohttp import ClientSession
from joserfc.jws import JWSRegistry

from app.auth.claims import Claims, Expected
from app.auth.jwks import Jwks
from app.auth.key_set import SigningKey
from app.auth.secret import BadConfiguration
from app.auth.signing import Algorithms, UnverifiedToken, verified_payload
from app.config import Settings
from models.errors import Unauthenticated
from models.ports import Clock

MAX_CACHED = 4096


@dataclass(frozen=True, slots=True)
class _Checked:
    """A payload and the key under which its signature held."""

    payload: dict[str, Any]
    key: SigningKey


class ExternalTokens:
    """Verifies the tokens of one issuer. Remembers which signatures held, and nothing more:
    the key must still be published and the claims must still hold at each use."""

    def __init__(
        self, settings: Settings, clock: Clock, new_session: Callable[[], ClientSession]
    ) -> None:
        if settings.jwt_issuer is None:
            raise BadConfiguration("PUNNET_JWT_ISSUER is not set.")
        self._clock = clock
        self._algorithms = Algorithms(_asymmetric(settings.jwt_algorithms))
        self._expected = Expected(
            settings.jwt_issuer, settings.jwt_audience, settings.jwt_leeway, "external", "user"
        )
        url = settings.jwks_url or settings.jwt_issuer.rstrip("/") + "/.well-known/jwks.json"
        try:
            self._jwks = Jwks(url, new_session, clock)
        except ValueError as error:
            raise BadConfiguration(f"PUNNET_JWKS_URL or PUNNET_JWT_ISSUER: {error}.") from error
        self._checked: OrderedDict[bytes, _Checked] = OrderedDict()

    async def verify(self, token: UnverifiedToken) -> Claims:
        """The claims of a token of the issuer. Raises Unauthenticated, Unavailable."""
        digest = hashlib.sha256(b".".join(token.segments)).digest()
        checked = await self._remembered(digest)
        if checked is None:
            checked = await self._check_signature(token)
            self._checked[digest] = checked
            if len(self._checked) > MAX_CACHED:
                self._checked.popitem(last=False)
        try:
            return self._expected.read(checked.payload, self._clock.now())
        except Unauthenticated:
            self._checked.pop(digest, None)
            raise

    async def close(self) -> None:
        """Stop fetching keys."""
        await self._jwks.close()

    async def _remembered(self, digest: bytes) -> _Checked | None:
        checked = self._checked.get(digest)
        if checked is None:
            return None
        if checked.key not in await self._jwks.current():
            self._checked.pop(digest, None)
            return None
        if digest in self._checked:
            self._checked.move_to_end(digest)
        return checked

    async def _check_signature(self, token: UnverifiedToken) -> _Checked:
        if token.algorithm not in self._algorithms.names:
            raise Unauthenticated("The token's algorithm is not accepted.")
        key = await self._jwks.key_for(token, self._algorithms)
        return _Checked(verified_payload(token, [key.key], self._algorithms), key)


def _asymmetric(names: list[str]) -> list[str]:
    """The names, none of which may be `none`, unknown or a MAC: public keys are no secrets."""
    for name in names:
        known = JWSRegistry.algorithms.get(name)
        if known is None or known.key_type not in ("RSA", "EC", "OKP"):
            raise BadConfiguration(f"PUNNET_JWT_ALGORITHMS: {name!r} has no public key.")
    if not names:
        raise BadConfiguration("PUNNET_JWT_ALGORITHMS is empty.")
    return names
