"""`/auth/<provider>`: leaving for a provider, and coming back from it.

GET leaves at once. POST tells in JSON where to go, and takes a token along: a guest's, whose work
then moves, or, with `link`, a user's, who gets one more way in. Linking by GET would let any page
link an account of its own to whoever opens it. A client without cookies gives a `codeChallenge`,
comes back with a code, and posts that to `/token` with the verifier.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import structlog
from aiohttp import web
from yarl import URL

from app.body import check_content, read_in_time
from app.oauth.answers import Answer, text_of
from app.oauth.codes import checked_challenge, sealed_code, token_in
from app.oauth.flow import LIFETIME, Errand, cookie_of, open_errand
from app.payload import read_json
from app.responses import SAFE_HEADERS, Handler, answered
from models.accounts.linking import Arrival, enter_through, redeem_code
from models.accounts.proving import prove
from models.errors import BadRequest, DomainError, NotFound, Unauthenticated
from models.permissions import Permission
from models.viewer import SIGNED_OUT, Viewer

if TYPE_CHECKING:
    from app.callers import Caller, Callers
    from app.contexts import PunnetContexts
    from app.cors import Origins
    from app.oauth.providers import Provider
    from app.oauth.redirects import Redirects

MAX_BODY = 8 << 10
PATIENCE = 10.0  # seconds for a body to arrive
HEADERS = {**SAFE_HEADERS, "Referrer-Policy": "no-referrer"}

log = structlog.get_logger()


class SignInRoutes:
    """Serves the routes of all providers."""

    def __init__(
        self,
        providers: dict[str, Provider],
        contexts: PunnetContexts,
        callers: Callers,
        origins: Origins,
        redirects: Redirects,
        public_url: str | None,
    ) -> None:
        """Without a `public_url`, in development, the request's host is taken."""
        self._providers = providers
        self._contexts = contexts
        self._callers = callers
        self._origins = origins
        self._redirects = redirects
        self._public_url = public_url and public_url.rstrip("/")

    def add_to(self, app: web.Application) -> None:
        """Serve the routes."""
        app.router.add_get("/auth/{provider}", self._answered(self._leave))
        app.router.add_post("/auth/{provider}", self._answered(self._tell))
        app.router.add_options("/auth/{provider}", self._preflight)
        app.router.add_get("/auth/{provider}/callback", self._answered(self._return))
        app.router.add_post("/auth/{provider}/token", self._answered(self._exchange))
        app.router.add_options("/auth/{provider}/token", self._preflight)
        app.on_cleanup.append(self._close)

    async def _leave(self, request: web.Request) -> web.Response:
        # Pictures of another site's page would fill the browser with cookies of errands.
        if request.headers.get("Sec-Fetch-Mode", "navigate") != "navigate":
            raise BadRequest("Open this address in the browser.")
        errand = self._errand(request, request.query)
        url = await self._provider(request).authorize_url(errand.leaving)
        return self._with_cookie(web.Response(status=303, headers={"Location": url}), errand)

    async def _tell(self, request: web.Request) -> web.Response:
        asked = await self._read(request)
        caller = self._callers.of(request)
        viewer = await self._contexts.authenticate(caller)
        link = asked.get("link") is True
        if link:
            viewer.require(Permission.ACCOUNT, viewer.id)
            desk = self._contexts.desk(caller, viewer)
            await prove(desk, text_of(asked, "currentPassword"))
        errand = self._errand(request, asked, viewer, link)
        url = await self._provider(request).authorize_url(errand.leaving)
        return self._with_cookie(web.json_response({"url": url}), errand)

    async def _return(self, request: web.Request) -> web.Response:
        state = request.query.get("state", "")
        name = cookie_of(state, secure=self._callers.secure)
        provider = request.match_info["provider"]
        vault, sealed = self._contexts.vault, request.cookies.get(name, "")
        errand = open_errand(vault, sealed, provider, state, self._contexts.now())
        caller = self._callers.of(request, cookies=True)
        try:
            ending = await self._arrive(request, errand, caller)
        except DomainError as error:
            log.info("sign_in.refused", provider=provider, code=error.code)
            ending = f"#error={error.code}"
        target = str(URL(errand.redirect_to).with_fragment(None)) + ending
        response = web.Response(status=303, headers={"Location": target})
        response.del_cookie(name, path="/", secure=self._callers.secure, httponly=True)
        if caller.cookie is not None:
            caller.cookie.put_on(response)
        return response

    async def _arrive(self, request: web.Request, errand: Errand, caller: Caller) -> str:
        """Sign in who came back; returns what to add to the page's URL."""
        code = request.query.get("code")
        if code is None:
            raise Unauthenticated("The provider did not let the user through.")
        returned = errand.returned(code, request.query.get("iss"))
        identity = await self._provider(request).identity(returned)
        desk = self._contexts.desk(caller)
        arrival = Arrival(identity, errand.link_to, errand.link_session, errand.guest_id)
        token = await enter_through(desk, arrival)
        if token is not None and errand.code_challenge is not None:
            vault, now = self._contexts.vault, self._contexts.now()
            return f"#code={sealed_code(vault, token, errand.code_challenge, now)}"
        if token is not None and caller.cookie is not None:
            caller.cookie.keep(token, desk.ports.rules.session_lifetime)
        return ""

    async def _exchange(self, request: web.Request) -> web.Response:
        asked = await self._read(request)
        code, verifier = text_of(asked, "code") or "", text_of(asked, "verifier") or ""
        first = token_in(self._contexts.vault, code, verifier, self._contexts.now())
        desk = self._contexts.desk(self._callers.of(request))
        return web.json_response({"token": await redeem_code(desk, first)})

    async def _read(self, request: web.Request) -> Answer:
        """The JSON object that a request of a page that may call brings."""
        self._origins.check(request.headers)
        check_content(request)
        given = read_json(await read_in_time(request, MAX_BODY, PATIENCE))
        if not isinstance(given, dict):
            raise BadRequest("Send a JSON object.")
        return cast("Answer", given)

    def _errand(
        self,
        request: web.Request,
        asked: Answer,
        viewer: Viewer = SIGNED_OUT,
        link: bool = False,
    ) -> Errand:
        provider = request.match_info["provider"]
        base = self._public_url or f"http://{request.host}"
        return Errand.new(
            provider,
            self._redirects.checked(text_of(asked, "redirectTo")),
            f"{base}/auth/{provider}/callback",
            self._contexts.now(),
            link_to=viewer.user_id if link else None,
            link_session=viewer.session_id if link else None,
            guest_id=viewer.user_id if viewer.anonymous else None,
            code_challenge=checked_challenge(text_of(asked, "codeChallenge")),
        )

    def _provider(self, request: web.Request) -> Provider:
        found = self._providers.get(request.match_info["provider"])
        if found is None:
            raise NotFound("There is no such provider.")
        return found

    def _with_cookie(self, response: web.Response, errand: Errand) -> web.Response:
        response.set_cookie(
            cookie_of(errand.state, secure=self._callers.secure),
            errand.sealed(self._contexts.vault),
            max_age=int(LIFETIME.total_seconds()),
            path="/",
            secure=self._callers.secure,
            httponly=True,
            samesite="Lax",
        )
        return response

    def _answered(self, handler: Handler) -> Handler:
        async def answer(request: web.Request) -> web.StreamResponse:
            response = await answered(handler, request)
            response.headers.update(HEADERS | self._origins.response_headers(request.headers))
            return response

        return answer

    async def _preflight(self, request: web.Request) -> web.Response:
        return web.Response(status=204, headers=self._origins.preflight_headers(request.headers))

    async def _close(self, _app: web.Application) -> None:
        for provider in self._providers.values():
            await provider.close()
