"""From the token of a session to its viewer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from models.accounts.sessions import ROTATED_EVERY, STATE, TOUCHED_EVERY, NewToken, renew, touch
from models.accounts.tokens import digest, new_session_token
from models.accounts.users import is_live
from models.verbs import Actor
from models.viewer import SIGNED_OUT, Viewer, viewer_of

if TYPE_CHECKING:
    from app.callers import Caller
    from graphql_schema.core.context import Ports


class SessionViewers:
    """Finds the viewer of a session, and keeps the session fresh."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports
        self._actor = Actor(SIGNED_OUT, ports.database, ports.clock, ports.bus, ports.models)

    async def viewer(self, token: str, caller: Caller) -> Viewer | None:
        """The viewer of a token; None when its session has ended."""
        rows = await self._ports.database.fetch(STATE, digest(token))
        if not rows:
            return None
        row, now = rows[0], self._ports.clock.now()
        if not is_live(row) or row["expires_at"] <= now:
            return None
        if now - row["last_active"] >= TOUCHED_EVERY:
            await touch(self._actor, row["session_id"], digest(token), caller.client)
        if caller.cookie is not None and now - row["rotated_at"] >= ROTATED_EVERY:
            await self._renew(row, token, caller)
        return viewer_of(
            row["id"],
            anonymous=row["anonymous"],
            operator=row["operator"],
            expires_at=row["expires_at"],
            session_id=row["session_id"],
        )

    async def _renew(self, row: Mapping[str, Any], token: str, caller: Caller) -> None:
        """Give a browser another token; one that asks twice at once gets one."""
        fresh, lifetime = new_session_token(), self._ports.sign_in.rules.session_lifetime
        new = NewToken(digest(fresh), lifetime)
        if await renew(self._actor, row["session_id"], digest(token), new) and caller.cookie:
            caller.cookie.keep(fresh, lifetime)
