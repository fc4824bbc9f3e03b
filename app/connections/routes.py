"""`/connections/<provider>`: leaving for a service to connect it, and coming back.

POST, with a user's token or cookie, tells in JSON where to go, and binds the errand to the browser
and to the session. The way back leads to a page of the front end.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import structlog
from aiohttp import web

from app.oauth.answers import GrantRefused, text_of
from models.accounts.connecting import Connecting, connect, use_once
from models.accounts.oauth_connections import OAuthProvider
from models.errors import DomainError, NotConnected, NotFound
from models.permissions import Permission

if TYPE_CHECKING:
    from app.callers import Callers
    from app.connections.providers import Service
    from app.contexts import PunnetContexts
    from app.oauth.flow import Errand
    from app.oauth.visits import Visits

log = structlog.get_logger()


class ConnectionRoutes:
    """Serves the routes of all services."""

    def __init__(
        self,
        services: Mapping[OAuthProvider, Service],
        contexts: PunnetContexts,
        callers: Callers,
        visits: Visits,
    ) -> None:
        self._services = services
        self._contexts = contexts
        self._callers = callers
        self._visits = visits

    def add_to(self, app: web.Application) -> None:
        """Serve the routes."""
        app.router.add_post("/connections/{provider}", self._visits.answered(self._leave))
        app.router.add_options("/connections/{provider}", self._visits.preflight)
        callback = "/connections/{provider}/callback"
        app.router.add_get(callback, self._visits.answered(self._return))

    async def _leave(self, request: web.Request) -> web.Response:
        asked = await self._visits.read(request)
        caller = self._callers.of(request)
        viewer = await self._contexts.authenticate(caller)
        viewer.require(Permission.ACCOUNT, viewer.id)
        service = self._service(request)
        await self._contexts.desk(caller, viewer).count("connect", viewer.id)
        errand = self._visits.errand(
            request,
            text_of(asked, "redirectTo"),
            self._contexts.now(),
            link_to=viewer.id,
            link_session=viewer.session_id,
        )
        url = service.authorize_url(errand.leaving)
        return self._visits.leaving(web.json_response({"url": url}), errand)

    async def _return(self, request: web.Request) -> web.Response:
        errand = self._visits.returned(request, self._contexts.now())
        try:
            await self._arrive(request, errand)
            ending = f"#connected={errand.provider}"
        except DomainError as error:
            log.info("connection.refused", provider=errand.provider, code=error.code)
            ending = f"#error={error.code}"
        return self._visits.going_home(errand, ending)

    async def _arrive(self, request: web.Request, errand: Errand) -> None:
        """Connect the service that a user comes back from."""
        service, code = self._service(request), request.query.get("code")
        actor = self._contexts.desk(self._callers.of(request)).actor
        await use_once(actor, errand.state)
        if code is None:
            raise _refused()
        try:
            tokens = await service.tokens(errand.returned(code, None))
        except GrantRefused:
            raise _refused() from None
        new = Connecting(
            user_id=errand.link_to or "",
            session_id=errand.link_session,
            provider=OAuthProvider(errand.provider),
            asked_scope=service.asked_scope,
            tokens=tokens,
            account=await service.account(tokens.access),
        )
        await connect(actor, new, self._contexts.vault)

    def _service(self, request: web.Request) -> Service:
        names = {id.value: service for id, service in self._services.items()}
        found = names.get(request.match_info["provider"])
        if found is None:
            raise NotFound("There is no such service.")
        return found


def _refused() -> NotConnected:
    return NotConnected("The service did not let the user through.")
