"""An OpenID provider and a GitHub on loopback: real codes, PKCE and signed identity tokens."""

from __future__ import annotations

import hashlib
import secrets
import time
from base64 import b64decode, urlsafe_b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import unquote_plus

from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer
from joserfc import jwt
from joserfc.jwk import ECKey
from yarl import URL

CLIENT, SECRET = "punnet", "the client's secret"
ACCESS = "planted-access-token"
REFRESH = "planted-refresh-token"


class OpenIdServer:
    """Asks nobody: whoever comes is the user in `claims`, for GitHub in `user` and `emails`.

    `spoil` changes the claims of the next identity tokens.
    """

    def __init__(self) -> None:
        self.claims: dict[str, Any] = {"sub": "u1", "email": "ada@example.com"}
        self.claims |= {"email_verified": True, "name": "Ada"}
        self.spoil: dict[str, Any] = {}
        self.key = ECKey.generate_key("P-256", {"kid": "k1", "use": "sig", "alg": "ES256"})
        self.user: dict[str, Any] = {"id": 7, "login": "ada", "name": "Ada"}
        self.emails: list[dict[str, Any]] = [
            {"email": "ada@example.com", "primary": True, "verified": True}
        ]
        self.asked: list[str] = []
        self._codes: dict[str, dict[str, str]] = {}
        app = web.Application()
        app.router.add_get("/.well-known/openid-configuration", self._configuration)
        app.router.add_get("/jwks", self._jwks)
        app.router.add_get("/authorize", self._authorize)
        app.router.add_get("/login/oauth/authorize", self._authorize)
        app.router.add_post("/token", self._token)
        app.router.add_post("/login/oauth/access_token", self._github_token)
        app.router.add_get("/user", self._github_user)
        app.router.add_get("/user/emails", self._github_emails)
        self.server = TestServer(app)

    @property
    def issuer(self) -> str:
        """Its address."""
        return str(self.server.make_url("")).rstrip("/")

    def settings(self) -> list[dict[str, Any]]:
        """Entries of `sign_in_providers`."""
        known = {"client_id": CLIENT, "client_secret": SECRET}
        github = {"id": "github", "url": self.issuer, "api_url": self.issuer, **known}
        return [{"id": "acme", "issuer": self.issuer, **known}, github]

    async def _configuration(self, _request: web.Request) -> web.Response:
        base = self.issuer
        return web.json_response(
            {
                "issuer": base,
                "authorization_endpoint": f"{base}/authorize",
                "token_endpoint": f"{base}/token",
                "jwks_uri": f"{base}/jwks",
            }
        )

    async def _jwks(self, _request: web.Request) -> web.Response:
        return web.json_response({"keys": [self.key.as_dict(private=False)]})

    async def _authorize(self, request: web.Request) -> web.Response:
        asked = dict(request.query)
        assert asked["client_id"] == CLIENT
        assert asked["code_challenge_method"] == "S256"
        code = secrets.token_urlsafe(8)
        self._codes[code] = asked
        back = URL(asked["redirect_uri"]).update_query(code=code, state=asked["state"])
        return web.Response(status=302, headers={"Location": str(back)})

    def _redeem(self, form: Any) -> dict[str, str] | None:
        asked = self._codes.pop(form["code"], None)
        hashed = hashlib.sha256(form["code_verifier"].encode()).digest()
        challenge = urlsafe_b64encode(hashed).rstrip(b"=").decode()
        if asked is None or asked["code_challenge"] != challenge:
            return None
        return asked if asked["redirect_uri"] == form["redirect_uri"] else None

    async def _token(self, request: web.Request) -> web.Response:
        scheme, _, basic = request.headers["Authorization"].partition(" ")
        assert (scheme, unquote_plus(b64decode(basic).decode())) == ("Basic", f"{CLIENT}:{SECRET}")
        asked = self._redeem(await request.post())
        if asked is None:
            return web.json_response({"error": "invalid_grant"}, status=400)
        now = int(time.time())
        known = {"iss": self.issuer, "aud": CLIENT, "iat": now, "exp": now + 60}
        claims = known | {"nonce": asked["nonce"]} | self.claims | self.spoil
        token = jwt.encode({"alg": "ES256", "kid": "k1"}, claims, self.key)
        given = {"id_token": token, "access_token": ACCESS, "refresh_token": REFRESH}
        return web.json_response(given | {"scope": asked["scope"]})

    async def _github_token(self, request: web.Request) -> web.Response:
        form = await request.post()
        assert (form["client_id"], form["client_secret"]) == (CLIENT, SECRET)
        if self._redeem(form) is None:
            return web.json_response({"error": "bad_verification_code"})
        return web.json_response({"access_token": ACCESS, "scope": "read:user"})

    async def _github_user(self, request: web.Request) -> web.Response:
        assert request.headers["Authorization"] == f"Bearer {ACCESS}"
        return web.json_response(self.user)

    async def _github_emails(self, _request: web.Request) -> web.Response:
        return web.json_response(self.emails)


@asynccontextmanager
async def openid_server() -> AsyncIterator[OpenIdServer]:
    """A provider on a free port."""
    provider = OpenIdServer()
    await provider.server.start_server()
    try:
        yield provider
    finally:
        await provider.server.close()


class Browser:
    """Follows redirects by hand and keeps cookies, as a browser does."""

    def __init__(self, session: ClientSession, base: str) -> None:
        self.session = session
        self.base = base

    async def get(self, url: str) -> Any:
        """A page, not followed."""
        return await self.session.get(url, allow_redirects=False)

    async def go(self, url: str, stop: str = "https://app.example") -> str:
        """Follow redirects until they lead to the front end; returns where."""
        for _ in range(6):
            async with await self.get(url) as response:
                assert response.status in (302, 303), (response.status, await response.text())
                url = response.headers["Location"]
            if url.startswith(stop):
                return url
        raise AssertionError(url)

    async def ask(self, query: str, **variables: Any) -> Any:
        """A GraphQL operation with the cookies."""
        body = {"query": query, "variables": variables}
        async with self.session.post(f"{self.base}/graphql", json=body) as response:
            return await response.json()
