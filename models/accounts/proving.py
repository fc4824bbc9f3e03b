"""Proving once more who one is, before what must not be done with a stolen session."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.accounts.accounts import CREDENTIAL, Account
from models.accounts.users import User
from models.errors import Forbidden, Invalid
from models.viewer import REFUSAL

if TYPE_CHECKING:
    from models.accounts.desk import Desk
    from models.transaction import Transaction

_OWN = f"""\
SELECT password_hash FROM {Account.Meta.table}
WHERE provider_id = '{CREDENTIAL}' AND account_id = $1"""


async def prove(desk: Desk, password: str | None) -> str | None:
    """Check the viewer's password, if they have one; returns its hash.

    Raises Forbidden when it is wrong or missing, and for a token for scripts; Invalid when one is
    given that does not exist; RateLimited.
    """
    if desk.actor.viewer.token_id is not None:
        raise Forbidden(REFUSAL)
    viewer = desk.actor.viewer.id
    await desk.count("prove", viewer)
    rows = await desk.actor.database.fetch(_OWN, viewer)
    known: str | None = rows[0]["password_hash"] if rows else None
    if known is None and password is not None:
        raise Invalid("This account has no password.", field="currentPassword")
    if known is not None and not await desk.matches(password or "", known):
        raise Forbidden("The password is wrong.", field="currentPassword")
    return known


async def own_user(tx: Transaction) -> User:
    """The viewer's own row, locked."""
    return await tx.reach(User, tx.actor.viewer.id)
