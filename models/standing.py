"""A viewer's standing: what the database says of them now, read with each request.

So whoever loses a role, a session, a token or the account is refused at the very next request,
whichever process serves it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from models.errors import Unauthenticated
from models.permissions import Role, Scope, permissions_of
from models.viewer import Viewer, viewer_of

if TYPE_CHECKING:
    from datetime import datetime

    from models.ports import Connection, Database
    from models.transaction import Transaction

_ROLES = """\
(SELECT jsonb_object_agg(m.org_id, m.role) FROM org_member m JOIN org o ON o.id = m.org_id
WHERE m.user_id = u.id AND m.status = 'active' AND o.deleted_at IS NULL) AS roles"""
_USER = f"u.id, u.anonymous, u.operator, u.deleted_at, u.last_active_at, {_ROLES}"
_STATE = f"""\
SELECT {_USER} FROM user_account u WHERE u.{{column}} = $1"""
# OFFSET 0 keeps the user a look-up by key, whatever the planner thinks of the tables' sizes.
_SESSIONS_STATE = f"""\
SELECT {_USER}, s.id AS session_id, s.expires_at, s.last_active, s.rotated_at
FROM session s CROSS JOIN LATERAL (
    SELECT * FROM user_account WHERE id = s.user_id OFFSET 0) u
WHERE {{where}}"""
_TOKENS_STATE = f"""\
SELECT {_USER}, k.id AS token_id, k.scopes, k.expires_at, k.last_used_at
FROM api_token k JOIN user_account u ON u.id = k.user_id WHERE k.{{column}} = $1"""

SESSION_BY_ID = _SESSIONS_STATE.format(where="s.id = $1")
SESSION_BY_TOKEN = _SESSIONS_STATE.format(where="s.token_hash = $1 OR s.previous_hash = $1")
"""Read the standing of a session's user by the session's id, or by its token's digest."""

ENDED = "This session has ended."

Row = Mapping[str, Any]

_STANDING = frozenset({"deleted_at", "anonymous", "operator", "role", "status"})
"""Columns of users and members that say what a viewer may do; sessions and tokens have none."""


def takes_standing(change: Mapping[str, Any]) -> bool:
    """Whether a change, as the event log has it, of a user, member, session or token may take
    something from a viewer. That one is in use does not."""
    if change["op"] == "change":
        return not _STANDING.isdisjoint(change["columns"])
    return change["op"] == "remove"


_TAKEN = frozenset({"deleted_at", "owner_id"})
"""Columns of roots that say who reaches what is below."""


def takes_root(change: Mapping[str, Any]) -> bool:
    """Whether a change of a root deletes it or gives it to another owner: then others reach what
    is below."""
    return change["op"] == "change" and not _TAKEN.isdisjoint(change["columns"])


def state_by(column: str) -> str:
    """The statement that reads a user's standing by `id` or `clerk_id`."""
    return _STATE.format(column=column)


def token_state_by(column: str) -> str:
    """The same for the user of a token for scripts, by the token's `id` or `token_hash`."""
    return _TOKENS_STATE.format(column=column)


def is_live(row: Row) -> bool:
    """Whether a row of these may sign in."""
    return row["deleted_at"] is None


def viewer_from(
    row: Row, expires_at: datetime | None = None, session_id: str | None = None
) -> Viewer:
    """The viewer that a row of `state_by` tells of. Raises Unauthenticated."""
    if not is_live(row):
        raise Unauthenticated("This account is gone.")
    return viewer_of(
        row["id"],
        anonymous=row["anonymous"],
        operator=row["operator"],
        expires_at=expires_at,
        roles=_roles(row),
        session_id=session_id,
    )


def viewer_from_session(row: Row, now: datetime) -> Viewer:
    """The viewer that a row of `SESSION_BY_ID` tells of. Raises Unauthenticated."""
    if row["expires_at"] <= now:
        raise Unauthenticated(ENDED)
    return viewer_from(row, row["expires_at"], row["session_id"])


def viewer_from_token(row: Row, now: datetime) -> Viewer:
    """The viewer that a row of `token_state_by` tells of. Raises Unauthenticated."""
    if not is_live(row):
        raise Unauthenticated("This account is gone.")
    if row["expires_at"] <= now:
        raise Unauthenticated("The token has expired.")
    scopes = [Scope(scope) for scope in row["scopes"]]
    return viewer_of(
        row["id"],
        expires_at=row["expires_at"],
        roles=_roles(row),
        token_id=row["token_id"],
        within=permissions_of(scopes),
    )


def _roles(row: Row) -> dict[str, Role]:
    found: dict[str, str] = row["roles"] or {}
    return {org: Role(role) for org, role in found.items()}


def _reading(viewer: Viewer) -> tuple[str, str]:
    if viewer.token_id is not None:
        return token_state_by("id"), viewer.token_id
    if viewer.session_id is not None:
        return SESSION_BY_ID, viewer.session_id
    return state_by("id"), viewer.id


def _again(viewer: Viewer, rows: Sequence[Row], now: datetime) -> Viewer:
    if not rows:
        raise Unauthenticated("This account or session is gone, or the token was revoked.")
    if viewer.token_id is not None:
        return viewer_from_token(rows[0], now)
    if viewer.session_id is not None:
        return viewer_from_session(rows[0], now)
    return viewer_from(rows[0], viewer.expires_at)


async def viewer_now(tx: Transaction) -> Viewer:
    """The viewer of a transaction with the rights of this moment. Raises Unauthenticated."""
    viewer = tx.actor.viewer
    sql, key = _reading(viewer)
    return _again(viewer, await tx.connection.fetch(sql, key), tx.now)


async def renewed(viewer: Viewer, database: Database | Connection, now: datetime) -> Viewer:
    """The same outside a transaction, for those who listen for long. Raises Unauthenticated."""
    sql, key = _reading(viewer)
    return _again(viewer, await database.fetch(sql, key), now)
