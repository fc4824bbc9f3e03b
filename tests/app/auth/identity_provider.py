"""An identity provider on loopback: signs tokens, publishes keys, and fails on demand.

Signs with `cryptography` directly, so that the library under test does not judge itself.
"""

import asyncio
import hashlib
import hmac
from base64 import urlsafe_b64encode
from datetime import UTC, datetime, timedelta
from typing import Any, Self

import orjson
from aiohttp import web
from aiohttp.test_utils import TestServer
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from joserfc.jwk import ECKey, OKPKey, RSAKey

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SECRET = b"a secret of this test, long enough"


class ManualClock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.moment = NOW

    def now(self) -> datetime:
        return self.moment

    def advance(self, seconds: float) -> None:
        self.moment += timedelta(seconds=seconds)


def b64(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def signature(key: PrivateKey | bytes, message: bytes) -> bytes:
    """RS256, ES256, EdDSA or, for bytes, HS256."""
    if isinstance(key, bytes):
        return hmac.new(key, message, hashlib.sha256).digest()
    if isinstance(key, rsa.RSAPrivateKey):
        return key.sign(message, padding.PKCS1v15(), SHA256())
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return key.sign(message)
    r, s = decode_dss_signature(key.sign(message, ec.ECDSA(SHA256())))
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def signed(header: object, payload: object, key: PrivateKey | bytes) -> str:
    """A compact JWS; bytes stand for themselves, anything else becomes JSON."""
    parts = [p if isinstance(p, bytes) else orjson.dumps(p) for p in (header, payload)]
    message = ".".join(b64(part) for part in parts)
    return f"{message}.{b64(signature(key, message.encode()))}"


def public_jwk(key: PrivateKey, **members: Any) -> dict[str, Any]:
    public = key.public_key()
    if isinstance(public, rsa.RSAPublicKey):
        return {**RSAKey.import_key(public).as_dict(), **members}
    if isinstance(public, ec.EllipticCurvePublicKey):
        return {**ECKey.import_key(public).as_dict(), **members}
    return {**OKPKey.import_key(public).as_dict(), **members}


class IdentityProvider:
    """`document` is what it publishes; `fetches` counts the requests for it.

    Answers wait at `gate` (open at first); `asked` is set by each request.
    """

    def __init__(self) -> None:
        self.document: object = {"keys": []}
        self.fetches = 0
        self.status = 200
        self.headers: dict[str, str] = {}
        self.gate = asyncio.Event()
        self.gate.set()
        self.asked = asyncio.Event()
        app = web.Application()
        app.router.add_get("/{path:.*}", self._serve)
        self._server = TestServer(app)

    async def __aenter__(self) -> Self:
        await self._server.start_server()
        return self

    async def __aexit__(self, *_: object) -> None:
        self.gate.set()
        await self._server.close()

    @property
    def issuer(self) -> str:
        return str(self._server.make_url("/"))

    def publish(self, *keys: dict[str, Any]) -> None:
        self.document = {"keys": list(keys)}

    async def _serve(self, request: web.Request) -> web.Response:
        self.fetches += 1
        self.asked.set()
        await self.gate.wait()
        if request.path == "/moved":
            return web.Response(body=orjson.dumps(self.document))
        if request.path != "/.well-known/jwks.json":
            raise web.HTTPNotFound
        body = self.document if isinstance(self.document, bytes) else orjson.dumps(self.document)
        return web.Response(status=self.status, headers=self.headers, body=body)


def claims(issuer: str, **changes: Any) -> dict[str, Any]:
    """The claims of a good token; a change to None leaves one out."""
    now = int(NOW.timestamp())
    good = {"iss": issuer, "sub": "user_1", "iat": now, "exp": now + 60} | changes
    return {name: value for name, value in good.items() if value is not None}
