"""Proving once more who one is, before what must not be done with a stolen session."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from models.accounts.accounts import CREDENTIAL, Account
from models.accounts.sessions import Session
from models.accounts.users import User
from models.errors import Forbidden, Invalid
from models.viewer import REFUSAL

if TYPE_CHECKING:
    from models.accounts.desk import Desk
    from models.transaction import Transaction

FRESH = timedelta(minutes=15)
"""How long a session proves by itself who somebody is who has no password."""

_OWN = f"""\
SELECT (SELECT password_hash FROM {Account.Meta.table}
        WHERE provider_id = '{CREDENTIAL}' AND account_id = $1) AS password_hash,
    (SELECT created_at FROM {Session.Meta.table} WHERE id = $2) AS signed_in_at"""


async def prove(desk: Desk, password: str | None) -> str | None:
    """Check the viewer's password; returns its hash, None for a viewer who has none.

    Whoever has none and came with a session must have signed in a moment ago. Raises Forbidden
    when the proof is wrong or missing, and for a token for scripts; Invalid for a password where
    there is none; RateLimited.
    """
    if desk.actor.viewer.token_id is not None:
        raise Forbidden(REFUSAL)
    viewer, session = desk.actor.viewer.id, desk.actor.viewer.session_id
    (own,) = await desk.actor.database.fetch(_OWN, viewer, session)
    known, signed_in_at = own["password_hash"], own["signed_in_at"]
    if known is None:
        if password is not None:
            raise Invalid("This account has no password.", field="currentPassword")
        if signed_in_at is not None and desk.actor.clock.now() - signed_in_at >= FRESH:
            raise Forbidden("Sign in anew first; it was too long ago.")
        return None
    await desk.count("prove", viewer)
    if not await desk.matches(password or "", known):
        raise Forbidden("The password is wrong.", field="currentPassword")
    return known


async def own_user(tx: Transaction) -> User:
    """The viewer's own row, locked."""
    return await tx.reach(User, tx.actor.viewer.id)
