"""From a request's headers to its viewer, and from a viewer to an operation's context."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from app.auth import Authenticator, Claims
from app.callers import Caller
from app.sessions import SessionViewers
from app.tally import TalliedDatabase, Tally
from graphql_schema.core.context import Context, Ports
from models.accounts.api_token_text import is_api_token, is_intact
from models.accounts.api_tokens import note_use
from models.accounts.desk import Desk
from models.accounts.profiles import note_activity
from models.accounts.tokens import SESSION_PREFIX, digest
from models.accounts.users import NO_SUCH_USER, Identity, column_of, meet
from models.errors import NotFound, Unauthenticated
from models.ports import Database, Vault
from models.standing import is_live, state_by, token_state_by, viewer_from, viewer_from_token
from models.verbs import Actor
from models.viewer import SIGNED_OUT, Viewer, viewer_of

GUEST_HEADER = "Punnet-Guest"
"""Carries a guest's token beside the first one of the identity provider's for the same person."""


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
        self._sessions = SessionViewers(ports)

    async def authenticate(self, caller: Caller) -> Viewer:
        """The viewer of a request. Raises Unauthenticated for a token that does not hold.

        A header goes before a cookie. A cookie that does not hold makes nobody of its sender, and
        is dropped: no page can take it back by itself, to sign in anew.
        """
        if caller.let_in is not None:
            return await self._sessions.again(caller.let_in, caller)
        header = caller.headers.get("Authorization")
        if header is None:
            return await self._by_cookie(caller)
        scheme, _, token = header.strip().partition(" ")
        token = token.strip()
        if scheme.lower() != "bearer" or not token:
            raise Unauthenticated("Send the token as `Authorization: Bearer …`.")
        if is_api_token(token):
            return await self._by_api_token(token)
        if token.startswith(SESSION_PREFIX):
            return await self._sessions.viewer(token, replace(caller, cookie=None))
        return await self._viewer(await self._authenticator.verify(token), caller)

    async def _by_cookie(self, caller: Caller) -> Viewer:
        if caller.session is None:
            return SIGNED_OUT
        try:
            return await self._sessions.viewer(caller.session, caller)
        except Unauthenticated:
            if caller.cookie is not None:
                caller.cookie.drop()
            return SIGNED_OUT

    async def _by_api_token(self, token: str) -> Viewer:
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

    async def _viewer(self, claims: Claims, caller: Caller) -> Viewer:
        guest = claims.kind == "guest"
        column = "id" if guest else "clerk_id"
        rows = await self._ports.database.fetch(state_by(column), claims.subject)
        if rows:
            row = rows[0]
            if guest and not row["anonymous"]:
                raise Unauthenticated("This account is gone.")
            viewer = viewer_from(row, claims.expires_at)
            now = self._ports.clock.now()
            await note_activity(self._ports.database, row["id"], row["last_active_at"], now)
            return viewer
        if guest:
            raise Unauthenticated("This account is gone.")
        return viewer_of(
            await self._meet(claims, caller.headers.get(GUEST_HEADER)), expires_at=claims.expires_at
        )

    async def _meet(self, claims: Claims, guest: str | None) -> str:
        identity = Identity(
            claims.subject,
            claims.email,
            claims.email_verified,
            claims.name,
            claims.picture,
            self._authenticator.guest_of(guest) if guest else None,
        )
        return (await meet(self._system(), identity)).id

    def desk(self, caller: Caller, viewer: Viewer = SIGNED_OUT) -> Desk:
        """What signing in needs, for somebody who may be nobody yet."""
        actor = replace(self._system(), viewer=viewer)
        return Desk(actor, caller.client, self._ports.sign_in)

    @property
    def vault(self) -> Vault:
        """What seals secrets at rest."""
        return self._ports.sign_in.vault

    def now(self) -> datetime:
        """The time."""
        return self._ports.clock.now()

    def _system(self) -> Actor:
        ports = self._ports
        return Actor(SIGNED_OUT, ports.database, ports.clock, ports.bus, ports.models)

    def operation(self, viewer: Viewer, caller: Caller, request_id: str, tally: Tally) -> Context:
        """A context for one operation or one event; `tally` counts its statements."""
        database = TalliedDatabase(self._ports.database, tally)
        client, cookie = caller.client, caller.cookie
        return Context(viewer, self._ports, request_id, database, client, cookie, caller.by_cookie)
