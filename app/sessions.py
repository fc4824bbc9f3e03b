"""From the token of a session to its viewer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from models.accounts.sessions import ROTATED_EVERY, TOUCHED_EVERY, NewToken, renew, touch
from models.accounts.tokens import digest, new_session_token
from models.errors import Unauthenticated
from models.standing import ENDED, SESSION_BY_ID, SESSION_BY_TOKEN, viewer_from_session
from models.verbs import Actor
from models.viewer import SIGNED_OUT

if TYPE_CHECKING:
    from app.callers import Caller
    from graphql_schema.core.context import Ports
    from models.viewer import Viewer


class SessionViewers:
    """Finds the viewer of a session, and keeps the session fresh."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports
        self._actor = Actor(SIGNED_OUT, ports.database, ports.clock, ports.bus, ports.models)

    async def viewer(self, token: str, caller: Caller) -> Viewer:
        """The viewer of a token. Raises Unauthenticated when its session has ended."""
        row, viewer = await self._find(SESSION_BY_TOKEN, digest(token))
        await self._touch(row, digest(token), caller)
        rotated = self._ports.clock.now() - row["rotated_at"]
        if caller.cookie is not None and rotated >= ROTATED_EVERY:
            await self._renew(row, token, caller)
        return viewer

    async def again(self, session_id: str, caller: Caller) -> Viewer:
        """The viewer of a session that let a socket in, whatever its token is by now."""
        row, viewer = await self._find(SESSION_BY_ID, session_id)
        await self._touch(row, "", caller)
        return viewer

    async def _find(self, statement: str, key: str) -> tuple[Mapping[str, Any], Viewer]:
        rows = await self._ports.database.fetch(statement, key)
        if not rows:
            raise Unauthenticated(ENDED)
        return rows[0], viewer_from_session(rows[0], self._ports.clock.now())

    async def _touch(self, row: Mapping[str, Any], token_hash: str, caller: Caller) -> None:
        if self._ports.clock.now() - row["last_active"] >= TOUCHED_EVERY:
            await touch(self._actor, row["session_id"], token_hash, caller.client)

    async def _renew(self, row: Mapping[str, Any], token: str, caller: Caller) -> None:
        """Give a browser another token; one that asks twice at once gets one."""
        fresh, lifetime = new_session_token(), self._ports.sign_in.rules.session_lifetime
        new = NewToken(digest(fresh), lifetime)
        if await renew(self._actor, row["session_id"], digest(token), new) and caller.cookie:
            caller.cookie.keep(fresh, lifetime)
