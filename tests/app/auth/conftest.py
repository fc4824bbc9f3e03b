from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import ClientSession
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from app.auth import Authenticator
from app.config import Settings
from tests.app.auth.identity_provider import (
    SECRET,
    IdentityProvider,
    ManualClock,
    PrivateKey,
    claims,
    public_jwk,
    signed,
)


@dataclass
class Keys:
    rsa: rsa.RSAPrivateKey
    other_rsa: rsa.RSAPrivateKey
    ec: ec.EllipticCurvePrivateKey
    ed: ed25519.Ed25519PrivateKey


@pytest.fixture(scope="session")
def keys() -> Keys:
    return Keys(
        rsa.generate_private_key(65537, 2048),
        rsa.generate_private_key(65537, 2048),
        ec.generate_private_key(ec.SECP256R1()),
        ed25519.Ed25519PrivateKey.generate(),
    )


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def provider(keys: Keys) -> AsyncIterator[IdentityProvider]:
    async with IdentityProvider() as provider:
        provider.publish(
            public_jwk(keys.rsa, kid="rsa", use="sig", alg="RS256"),
            public_jwk(keys.ec, kid="ec", alg="ES256"),
            public_jwk(keys.ed, kid="ed"),
        )
        yield provider


@dataclass
class Bench:
    """An authenticator per call, all on one provider and one clock."""

    provider: IdentityProvider
    clock: ManualClock
    keys: Keys
    stack: AsyncExitStack
    sessions: list[ClientSession] = field(default_factory=list[ClientSession])

    def settings(self, **changes: Any) -> Settings:
        return Settings(**({"jwt_issuer": self.provider.issuer} | changes))

    async def authenticator(self, **changes: Any) -> Authenticator:
        authenticator = Authenticator(
            self.settings(**changes), SECRET, self.clock, self._new_session
        )
        return await self.stack.enter_async_context(authenticator)

    def token(
        self,
        key: PrivateKey | bytes | None = None,
        header: dict[str, Any] | None = None,
        **changes: Any,
    ) -> str:
        head = {"alg": "RS256", "kid": "rsa", "typ": "JWT"} | (header or {})
        head = {name: value for name, value in head.items() if value is not None}
        return signed(head, claims(self.provider.issuer, **changes), key or self.keys.rsa)

    def _new_session(self) -> ClientSession:
        session = ClientSession()
        self.sessions.append(session)
        return session


@pytest.fixture
async def bench(provider: IdentityProvider, clock: ManualClock, keys: Keys) -> AsyncIterator[Bench]:
    async with AsyncExitStack() as stack:
        yield Bench(provider, clock, keys, stack)
