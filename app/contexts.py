"""From a request's headers to its viewer, and from a viewer to an operation's context."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from app.auth import Authenticator, Claims
from app.tally import TalliedDatabase, Tally
from graphql_schema.core.context import Context, Ports
from models.accounts.users import NO_SUCH_USER, Identity, column_of, is_live, meet, state_by
from models.errors import NotFound, Unauthenticated
from models.ports import Database
from models.verbs import Actor
from models.viewer import SIGNED_OUT, Viewer, viewer_of


def _viewer_in(row: Mapping[str, Any], expires_at: datetime | None = None) -> Viewer:
    """The viewer in a row of `state_by`."""
    return viewer_of(
        row["id"],
        anonymous=row["anonymous"],
        operator=row["operator"],
        expires_at=expires_at,
    )


async def viewer_named(database: Database, who: str) -> Viewer:
    """The viewer who is the user of an id or a subject. Raises NotFound."""
    rows = await database.fetch(state_by(column_of(who)), who)
    if not rows or not is_live(rows[0]):
        raise NotFound(NO_SUCH_USER)
    return _viewer_in(rows[0])


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
        claims = await self._authenticator.verify(token.strip())
        return await self._viewer(claims)

    async def _viewer(self, claims: Claims) -> Viewer:
        guest = claims.kind == "guest"
        column = "id" if guest else "clerk_id"
        rows = await self._ports.database.fetch(state_by(column), claims.subject)
        if rows:
            row = rows[0]
            if not is_live(row) or (guest and not row["anonymous"]):
                raise Unauthenticated("This account is gone.")
            return _viewer_in(row, claims.expires_at)
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
