"""Outside services on loopback that users connect: real codes, PKCE, and tokens that end."""

from __future__ import annotations

import hashlib
import secrets
from base64 import b64decode, urlsafe_b64encode
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, TypeVar
from urllib.parse import unquote_plus

from aiohttp import web
from aiohttp.test_utils import TestServer
from aiohttp.typedefs import Handler
from yarl import URL

CLIENT, SECRET = "punnet", "the client's secret"
LOOPBACK = ["127.0.0.0/8"]
"""What such servers need in `outgoing_allow`."""

Spoil = Callable[[web.Request], Awaitable[web.StreamResponse | None]]


class ConnectedService:
    """Asks nobody: whoever comes lets the client in.

    `spoil` may answer in the place of any handler. `asked` are the requests' methods and paths;
    `live` the access tokens that hold, `refreshing` the refresh tokens, `renewable` which of these
    renews an access token; with a `lifetime`, in seconds, tokens end and come with one of these.
    """

    id: str
    login = "ada"

    def __init__(self) -> None:
        self.spoil: Spoil | None = None
        self.asked: list[str] = []
        self.live: set[str] = set()
        self.refreshing: set[str] = set()
        self.renewable: dict[str, str] = {}
        self.given: list[str] = []
        self.lifetime: int | None = None
        self.scope: str | None = None
        self._codes: dict[str, Mapping[str, str]] = {}
        app = web.Application(middlewares=[self._spoiled])
        self.add_to(app)
        self.server = TestServer(app)

    def add_to(self, app: web.Application) -> None:
        """Serve its routes."""
        raise NotImplementedError

    @property
    def url(self) -> str:
        """Its address."""
        return str(self.server.make_url("")).rstrip("/")

    def entry(self, **more: Any) -> dict[str, Any]:
        """Its entry of `connections`."""
        known = {"client_id": CLIENT, "client_secret": SECRET}
        return {"id": self.id, "url": self.url, "api_url": self.url, **known, **more}

    def end(self) -> None:
        """Have all tokens hold no more, as when the user takes the leave back over there."""
        self.live.clear()
        self.refreshing.clear()

    def forget(self, access: str) -> bool:
        """Revoke a token, and its refresh token; False for one that holds no more."""
        if access not in self.live:
            return False
        self.live.remove(access)
        self.refreshing.discard(self.renewable.get(access, ""))
        return True

    def bearer(self, request: web.Request) -> bool:
        """Whether a request comes with a token that holds."""
        return request.headers.get("Authorization", "").removeprefix("Bearer ") in self.live

    async def forgot(self, token: str) -> bool:
        """Whether a token holds no more; for `eventually`."""
        return token not in self.live

    async def is_unused(self) -> bool:
        """Whether no token holds."""
        return not self.live

    async def is_left(self) -> bool:
        """Whether no token holds, nor can be renewed."""
        return not self.live and not self.refreshing

    async def was_asked(self, what: str) -> bool:
        """Whether there was such a request."""
        return what in self.asked

    @web.middleware
    async def _spoiled(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        self.asked.append(f"{request.method} {request.path}")
        spoilt = await self.spoil(request) if self.spoil is not None else None
        return spoilt if spoilt is not None else await handler(request)

    async def authorize(self, request: web.Request) -> web.Response:
        """Let the client in, and send the browser back."""
        asked = dict(request.query)
        assert (asked["client_id"], asked["response_type"]) == (CLIENT, "code")
        assert asked["code_challenge_method"] == "S256"
        code = secrets.token_urlsafe(8)
        self._codes[code] = asked
        back = URL(asked["redirect_uri"]).update_query(code=code, state=asked["state"])
        return web.Response(status=302, headers={"Location": str(back)})

    def redeemed(self, form: Mapping[str, Any]) -> dict[str, Any] | None:
        """The tokens for a code, once."""
        asked = self._codes.pop(form["code"], None)
        hashed = hashlib.sha256(form["code_verifier"].encode()).digest()
        challenge = urlsafe_b64encode(hashed).rstrip(b"=").decode()
        proven = asked is not None and asked["code_challenge"] == challenge
        if asked is None or not proven or asked["redirect_uri"] != form["redirect_uri"]:
            return None
        return self.new_tokens()

    def new_tokens(self, kept: str | None = None) -> dict[str, Any]:
        """New tokens, which hold from now on; no refresh token where an older one is `kept`."""
        access = f"planted-access-{secrets.token_urlsafe(12)}"
        self.live.add(access)
        found: dict[str, Any] = {"access_token": access, "token_type": "bearer"}
        self.given.append(access)
        if self.lifetime is not None:
            found["expires_in"] = self.lifetime
        if kept is not None:
            self.renewable[access] = kept
        elif self.lifetime is not None:
            refresh = f"planted-refresh-{secrets.token_urlsafe(12)}"
            self.refreshing.add(refresh)
            self.given.append(refresh)
            found["refresh_token"] = self.renewable[access] = refresh
        if self.scope is not None:
            found["scope"] = self.scope
        return found


def check_basic(request: web.Request) -> None:
    """The client said in a header who it is."""
    scheme, _, basic = request.headers["Authorization"].partition(" ")
    assert (scheme, unquote_plus(b64decode(basic).decode())) == ("Basic", f"{CLIENT}:{SECRET}")


ServiceT = TypeVar("ServiceT", bound=ConnectedService)


@asynccontextmanager
async def serving(service: ServiceT) -> AsyncGenerator[ServiceT, None]:
    """A service on a free port."""
    await service.server.start_server()
    try:
        yield service
    finally:
        await service.server.close()
