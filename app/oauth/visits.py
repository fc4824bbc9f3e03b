"""Browsers that leave for a provider and come back: what signing in and connecting share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from aiohttp import web
from yarl import URL

from app.body import check_content, read_in_time
from app.oauth.answers import Answer
from app.oauth.flow import LIFETIME, Errand, Purpose, cookie_of, open_errand
from app.payload import read_json
from app.responses import SAFE_HEADERS, Handler, answered
from models.errors import BadRequest

if TYPE_CHECKING:
    from datetime import datetime

    from app.callers import Callers
    from app.cors import Origins
    from app.oauth.redirects import Redirects
    from models.ports import Vault

MAX_BODY = 8 << 10
PATIENCE = 10.0  # seconds for a body to arrive
HEADERS = {**SAFE_HEADERS, "Referrer-Policy": "no-referrer"}


class Visits:
    """Errands to providers under `/<folder>/<provider>`, each kept in a cookie meanwhile."""

    def __init__(
        self,
        purpose: Purpose,
        folder: str,
        vault: Vault,
        callers: Callers,
        origins: Origins,
        redirects: Redirects,
        public_url: str | None,
    ) -> None:
        """Without a `public_url`, in development, the request's host is taken."""
        self._purpose = purpose
        self._folder = folder
        self._vault = vault
        self._callers = callers
        self._origins = origins
        self._redirects = redirects
        self._public_url = public_url and public_url.rstrip("/")

    def errand(
        self,
        request: web.Request,
        redirect_to: str | None,
        now: datetime,
        **whose: str | None,
    ) -> Errand:
        """A new errand; for `whose` see Errand. Raises Invalid for a page that is not ours."""
        provider = request.match_info["provider"]
        base = self._public_url or f"http://{request.host}"
        return Errand.new(
            self._purpose,
            provider,
            self._redirects.checked(redirect_to),
            f"{base}/{self._folder}/{provider}/callback",
            now,
            **whose,
        )

    def returned(self, request: web.Request, now: datetime) -> Errand:
        """The errand that a browser comes back from. Raises Unauthenticated."""
        state = request.query.get("state", "")
        sealed = request.cookies.get(self._cookie(state), "")
        provider = request.match_info["provider"]
        return open_errand(self._vault, sealed, self._purpose, provider, state, now)

    def leaving(self, response: web.Response, errand: Errand) -> web.Response:
        """An answer that has the browser keep the errand."""
        response.set_cookie(
            self._cookie(errand.state),
            errand.sealed(self._vault),
            max_age=int(LIFETIME.total_seconds()),
            path="/",
            secure=self._callers.secure,
            httponly=True,
            samesite="Lax",
        )
        return response

    def going_home(self, errand: Errand, ending: str) -> web.Response:
        """An answer that leads to the errand's page, with an ending, and forgets the errand."""
        target = str(URL(errand.redirect_to).with_fragment(None)) + ending
        response = web.Response(status=303, headers={"Location": target})
        secure = self._callers.secure
        response.del_cookie(self._cookie(errand.state), path="/", secure=secure, httponly=True)
        return response

    async def read(self, request: web.Request) -> Answer:
        """The JSON object that a request of a page that may call brings."""
        self._origins.check(request.headers)
        check_content(request)
        given: Any = read_json(await read_in_time(request, MAX_BODY, PATIENCE))
        if not isinstance(given, dict):
            raise BadRequest("Send a JSON object.")
        return cast("Answer", given)

    def answered(self, handler: Handler) -> Handler:
        """A handler whose refusals are answers, for pages that may call."""

        async def answer(request: web.Request) -> web.StreamResponse:
            response = await answered(handler, request)
            response.headers.update(HEADERS | self._origins.response_headers(request.headers))
            return response

        return answer

    async def preflight(self, request: web.Request) -> web.Response:
        """Tell a browser whether a page may call."""
        return web.Response(status=204, headers=self._origins.preflight_headers(request.headers))

    def _cookie(self, state: str) -> str:
        return cookie_of(state, secure=self._callers.secure)
