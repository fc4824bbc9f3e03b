"""`/auth/<provider>`: leaving for a provider, and coming back from it.

GET leaves at once. POST tells in JSON where to go, and takes a token along: a guest's, whose work
then moves, or, with `link`, a user's, who gets one more way in. Linking by GET would let any page
link an account of its own to whoever opens it. A client without cookies gives a `codeChallenge`,
comes back with a code, and posts that to `/token` with the verifier.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog
from aiohttp import web

from app.oauth.answers import Answer, text_of
from app.oauth.codes import checked_challenge, sealed_code, token_in
from models.accounts.linking import Arrival, enter_through, redeem_code
from models.accounts.proving import prove
from models.errors import BadRequest, DomainError, NotFound, Unauthenticated
from models.permissions import Permission
from models.viewer import SIGNED_OUT, Viewer

if TYPE_CHECKING:
    from app.callers import Caller, Callers
    from app.contexts import PunnetContexts
    from app.oauth.flow import Errand
    from app.oauth.providers import Provider
    from app.oauth.visits import Visits

log = structlog.get_logger()


class SignInRoutes:
    """Serves the routes of all providers."""

    def __init__(
        self,
        providers: dict[str, Provider],
        contexts: PunnetContexts,
        callers: Callers,
        visits: Visits,
    ) -> None:
        self._providers = providers
        self._contexts = contexts
        self._callers = callers
        self._visits = visits

    def add_to(self, app: web.Application) -> None:
        """Serve the routes."""
        app.router.add_get("/auth/{provider}", self._visits.answered(self._leave))
        app.router.add_post("/auth/{provider}", self._visits.answered(self._tell))
        app.router.add_options("/auth/{provider}", self._visits.preflight)
        app.router.add_get("/auth/{provider}/callback", self._visits.answered(self._return))
        app.router.add_post("/auth/{provider}/token", self._visits.answered(self._exchange))
        app.router.add_options("/auth/{provider}/token", self._visits.preflight)
        app.on_cleanup.append(self._close)

    async def _leave(self, request: web.Request) -> web.Response:
        # Pictures of another site's page would fill the browser with cookies of errands.
        if request.headers.get("Sec-Fetch-Mode", "navigate") != "navigate":
            raise BadRequest("Open this address in the browser.")
        errand = self._errand(request, request.query)
        url = await self._provider(request).authorize_url(errand.leaving)
        return self._visits.leaving(web.Response(status=303, headers={"Location": url}), errand)

    async def _tell(self, request: web.Request) -> web.Response:
        asked = await self._visits.read(request)
        caller = self._callers.of(request)
        viewer = await self._contexts.authenticate(caller)
        link = asked.get("link") is True
        if link:
            viewer.require(Permission.ACCOUNT, viewer.id)
            desk = self._contexts.desk(caller, viewer)
            await prove(desk, text_of(asked, "currentPassword"))
        errand = self._errand(request, asked, viewer, link)
        url = await self._provider(request).authorize_url(errand.leaving)
        return self._visits.leaving(web.json_response({"url": url}), errand)

    async def _return(self, request: web.Request) -> web.Response:
        errand = self._visits.returned(request, self._contexts.now())
        caller = self._callers.of(request, cookies=True)
        try:
            ending = await self._arrive(request, errand, caller)
        except DomainError as error:
            log.info("sign_in.refused", provider=errand.provider, code=error.code)
            ending = f"#error={error.code}"
        response = self._visits.going_home(errand, ending)
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
        asked = await self._visits.read(request)
        code, verifier = text_of(asked, "code") or "", text_of(asked, "verifier") or ""
        first = token_in(self._contexts.vault, code, verifier, self._contexts.now())
        desk = self._contexts.desk(self._callers.of(request))
        return web.json_response({"token": await redeem_code(desk, first)})

    def _errand(
        self,
        request: web.Request,
        asked: Answer,
        viewer: Viewer = SIGNED_OUT,
        link: bool = False,
    ) -> Errand:
        return self._visits.errand(
            request,
            text_of(asked, "redirectTo"),
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

    async def _close(self, _app: web.Application) -> None:
        for provider in self._providers.values():
            await provider.close()
