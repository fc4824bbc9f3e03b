"""Whose an import shall be."""

from __future__ import annotations

from typing import Any

from models.errors import NotFound

_FIND = """\
SELECT id FROM user_account WHERE deleted_at IS NULL
AND (id = $1 OR (email = lower($1) AND email_verified))"""
_HOLD = "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))"
_STILL = "SELECT 1 FROM user_account WHERE id = $1 AND deleted_at IS NULL FOR SHARE"


async def user_named(connection: Any, who: str) -> str:
    """The id of the user with this id, or who has proven this address. Raises NotFound."""
    found = await connection.fetchval(_FIND, who)
    if found is None:
        raise NotFound(f"No user has proven the address {who}, or has that id.")
    return found


async def hold_imports(connection: Any, user_id: str) -> None:
    """Have other imports for a user wait until this transaction ends."""
    await connection.execute(_HOLD, f"import:{user_id}")


async def refuse_erased(connection: Any, user_id: str) -> None:
    """Have an account stay until this transaction ends, which is soon. Raises NotFound."""
    if not await connection.fetchval(_STILL, user_id):
        raise NotFound("The account was deleted meanwhile.")
