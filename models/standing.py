"""A viewer's standing: what the database says of them now, read with each request.

So whoever loses a role, a token or the account is refused at the very next request, whichever
process serves it.
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
_STATE = f"""\
SELECT u.id, u.anonymous, u.operator, u.deleted_at, {_ROLES}
FROM user_account u WHERE u.{{column}} = $1"""
_TOKENS_STATE = f"""\
SELECT u.id, u.anonymous, u.operator, u.deleted_at, {_ROLES},
    k.id AS token_id, k.scopes, k.expires_at, k.last_used_at
FROM api_token k JOIN user_account u ON u.id = k.user_id WHERE k.{{column}} = $1"""

Row = Mapping[str, Any]


def state_by(column: str) -> str:
    """The statement that reads a user's standing by `id` or `clerk_id`."""
    return _STATE.format(column=column)


def token_state_by(column: str) -> str:
    """The same for the user of a token for scripts, by the token's `id` or `token_hash`."""
    return _TOKENS_STATE.format(column=column)


def is_live(row: Row) -> bool:
    """Whether a row of these may sign in."""
    return row["deleted_at"] is None


def viewer_from(row: Row, expires_at: datetime | None = None) -> Viewer:
    """The viewer that a row of `state_by` tells of. Raises Unauthenticated."""
    if not is_live(row):
        raise Unauthenticated("This account is gone.")
    return viewer_of(
        row["id"],
        anonymous=row["anonymous"],
        operator=row["operator"],
        expires_at=expires_at,
        roles=_roles(row),
    )


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
    return state_by("id"), viewer.id


def _again(viewer: Viewer, rows: Sequence[Row], now: datetime) -> Viewer:
    if not rows:
        raise Unauthenticated("This account is gone, or the token was revoked.")
    if viewer.token_id is not None:
        return viewer_from_token(rows[0], now)
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
