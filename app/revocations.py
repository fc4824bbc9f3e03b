"""Ends what is open within a second once its user, session or token is gone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import structlog

from app.sockets import Sockets
from app.waiting import woken
from models.accounts.api_tokens import ApiToken
from models.accounts.sessions import Session
from models.accounts.users import User
from models.errors import Unavailable
from models.ports import Database

RECHECK = 30.0  # seconds between two looks at all that is open, in case a change was missed
RETRY = 0.25  # seconds, while the database is away

_THERE = f"""\
SELECT id FROM {Session.Meta.table} WHERE id = ANY($1::text[])
UNION ALL
SELECT id FROM {ApiToken.Meta.table} WHERE id = ANY($1::text[])
UNION ALL
SELECT id FROM {User.Meta.table} WHERE id = ANY($1::text[]) AND deleted_at IS NULL"""

log = structlog.get_logger()


class Revocations:
    """Follows the event log for users, sessions and tokens that go.

    What was opened while one ended was let in by a look that came too soon, so each newcomer
    is looked at once more.
    """

    def __init__(self, sockets: Sockets, database: Database) -> None:
        self._sockets = sockets
        self._database = database

    def changed(self, _owner: str, change: Mapping[str, Any]) -> None:
        """Follow the event log."""
        prefix = change["id"].partition("_")[0]
        ended = prefix in (Session.prefix, ApiToken.prefix) and change["op"] == "remove"
        # A guest who became a user is not entered with the guest's token any more.
        other = prefix == User.prefix and {"deleted_at", "anonymous"} & set(change["columns"])
        if ended or (other and change["op"] == "change"):
            self._sockets.revoke({change["id"]})

    async def run(self) -> None:
        """Look at newcomers, and at all now and then, until cancelled."""
        while True:
            came = await woken(self._sockets.came, RECHECK)
            looked_at = self._sockets.unsure if came else self._all()
            self._sockets.unsure = set()
            try:
                await self._look_at(looked_at)
            except Unavailable:
                self._sockets.unsure |= looked_at
                await woken(self._sockets.came, RETRY)
                self._sockets.came.set()

    def _all(self) -> set[str]:
        return {one for grounds in self._sockets.grounds.values() for one in grounds}

    async def _look_at(self, grounds: set[str]) -> None:
        if not grounds:
            return
        rows = await self._database.fetch(_THERE, sorted(grounds))
        self._sockets.revoke(grounds - {row["id"] for row in rows})
