"""From a request's headers to its viewer, and from a viewer to an operation's context."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.auth import Authenticator, Claims
from app.tally import TalliedDatabase, Tally
from graphql_schema.core.context import Context, Ports
from models.accounts.api_token_text import digest, is_api_token, is_intact
from models.accounts.api_tokens import note_use
from models.accounts.users import NO_SUCH_USER, Identity, column_of, meet
from models.errors import NotFound, Unauthenticated
from models.ports import Database
from models.standing import is_live, state_by, token_state_by, viewer_from, viewer_from_token
from models.verbs import Actor
from models.viewer import SIGNED_OUT, Viewer, viewer_of


async def viewer_named(database: Database, who: str) -> Viewer:
    """The viewer who is the user of an id or a subject. Raises NotFound."""
    rows = await database.fetch(state_by(column_of(who)), who)
    if not rows or not is_live(rows[0]):
        raise NotFound(NO_SUCH_USER)
    return viewer_from(rows[0])


class PunnetContexts:
    """Makes viewers and contexts; see app.operations.Contexts.

    Only the signature of a token is remembered: the user's state is read with each request.
    """

    def __init__(self, ports: Ports, authenticator: Authenticator) -> None:
        self._ports = ports
        self._authenticator = authenticator

    async def authenticate(
        self, headers: Mapping[str, str], connection_params: Mapping[str, Any] | None
    ) -> Viewer:
        """The viewer of a request. Raises Unauthenticated for a token that does not hold."""
        header = headers.get("Authorization")
        if header is None:
            return SIGNED_OUT
        scheme, _, token = header.strip().partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise Unauthenticated("Send the token as `Authorization: Bearer …`.")
        if is_api_token(token.strip()):
            return await self._viewer_of_token(token.strip())
        claims = await self._authenticator.verify(token.strip())
        return await self._viewer(claims)

    async def _viewer_of_token(self, token: str) -> Viewer:
        rows = ()
        if is_intact(token):
            rows = await self._ports.database.fetch(token_state_by("token_hash"), digest(token))
        if not rows:
            raise Unauthenticated("The token is unknown, or was revoked.")
        now = self._ports.clock.now()
        viewer = viewer_from_token(rows[0], now)
        used = rows[0]["last_used_at"]
        await note_use(self._ports.database, rows[0]["token_id"], used, now)
        return viewer

    async def _viewer(self, claims: Claims) -> Viewer:
        guest = claims.kind == "guest"
        column = "id" if guest else "clerk_id"
        rows = await self._ports.database.fetch(state_by(column), claims.subject)
        if rows:
            row = rows[0]
            if guest and not row["anonymous"]:
                raise Unauthenticated("This account is gone.")
            return viewer_from(row, claims.expires_at)
        if guest:
            raise Unauthenticated("This account is gone.")
        return viewer_of(await self._meet(claims), expires_at=claims.expires_at)

    async def _meet(self, claims: Claims) -> str:
        identity = Identity(
            claims.subject, claims.email, claims.email_verified, claims.name, claims.picture
        )
        ports = self._ports
        actor = Actor(SIGNED_OUT, ports.database, ports.clock, ports.bus, ports.models)
        return (await meet(actor, identity)).id

    def operation(self, viewer: Viewer, request_id: str, tally: Tally) -> Context:
        """A context for one operation or one event; `tally` counts its statements."""
        database = TalliedDatabase(self._ports.database, tally)
        return Context(viewer, self._ports, request_id, database)
