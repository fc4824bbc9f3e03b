"""Taking one's own data along: who may, how often, and which rows are one's own.

Whose rows are whose follows from the declarations of the tables: those that a user owns, and what
is part of them. What an organisation owns is its own, whoever wrote it.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

from models.access import OperatorOnly
from models.accounts.action_limits import limited
from models.accounts.audit_logs import AuditAction, audit
from models.accounts.guests import path_of
from models.accounts.proving import own_user, prove
from models.accounts.rate_limits import Limit, count_try
from models.errors import NotFound
from models.packages import record_models
from models.permissions import Permission
from models.standing import renewed
from models.verbs import verb
from models.viewer import Viewer

if TYPE_CHECKING:
    from models.accounts.desk import Desk
    from models.base import Record
    from models.ports import Database
    from models.transaction import Transaction
    from models.verbs import Actor

PURPOSE = "export"
"""What links are signed for."""

EXPORTS = limited("export", 5, days=1)
DOWNLOADS = 3  # of one link: a second try for who lost the connection
LASTS = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class ExportLink:
    """What a link to a user's data says: whose it is, by which session, and until when."""

    id: str
    user_id: str
    session_id: str | None
    expires_at: datetime

    def signed(self) -> tuple[str, str, str | None, int]:
        """What is signed of it."""
        return self.id, self.user_id, self.session_id, round(self.expires_at.timestamp() * 1000)

    @classmethod
    def of_signed(cls, payload: Any) -> ExportLink:
        """The link of what was signed."""
        id, user_id, session_id, until = payload
        return cls(id, user_id, session_id, datetime.fromtimestamp(until / 1000, UTC))


async def export_my_data(desk: Desk, password: str | None) -> ExportLink:
    """A link to all that is the viewer's.

    Raises Forbidden for a wrong password and for a token for scripts, RateLimited.
    """
    await prove(desk, password)
    return await allow_export(desk.actor)


@verb.needing(Permission.READ_ACCOUNT)
async def allow_export(tx: Transaction) -> ExportLink:
    """Count one more export of the viewer's, and note it. Raises RateLimited."""
    user, viewer = await own_user(tx), tx.actor.viewer
    await EXPORTS.count(tx)
    await audit(tx, AuditAction.DATA_EXPORTED, user)
    until = tx.now + LASTS
    ends = until if viewer.expires_at is None else min(until, viewer.expires_at)
    return ExportLink(secrets.token_urlsafe(12), user.id, viewer.session_id, ends)


async def follow_link(link: ExportLink, viewer: Viewer, database: Database, now: datetime) -> None:
    """Let whoever sent a link have what it leads to.

    Raises NotFound when it is over, and for a viewer whose it is not; Unauthenticated when its
    session has ended or the user is gone.
    """
    if link.expires_at <= now or viewer.user_id not in (None, link.user_id):
        raise NotFound("There is no such export any more.")
    owner = Viewer(link.user_id, expires_at=link.expires_at, session_id=link.session_id)
    await renewed(owner, database, now)


async def count_download(actor: Actor, link: ExportLink) -> None:
    """Count one more download. Raises RateLimited where there were enough."""
    await count_try(actor, [Limit(f"export_{link.id}", DOWNLOADS, LASTS)])


@cache
def own_tables() -> dict[type[Record], str]:
    """Each table in which a user may own rows, with the condition that finds those of $1."""
    chosen = [model for model in record_models() if not isinstance(model.access, OperatorOnly)]
    return {model: path_of(model, "t", "$1") for model in chosen}
