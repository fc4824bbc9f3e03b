"""Erasing a user: signed out and emptied at once; their rows follow in batches."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.accounts.audit_logs import AuditAction, audit
from models.accounts.mails import MailKind, post
from models.accounts.proving import prove
from models.accounts.sessions import end_sessions
from models.accounts.users import User
from models.accounts.verifications import withdraw
from models.errors import Conflict
from models.hooks import Hook
from models.verbs import verb
from models.viewer import SYSTEM

if TYPE_CHECKING:
    from models.accounts.desk import Desk
    from models.transaction import Transaction

ERASED_NAME = "Deleted"

user_leaves: Hook[[Transaction, User]] = Hook()
"""Called in the transaction in which a user asks to be erased, before anything is done. Raises
Conflict where something must be settled first."""

user_erased: Hook[[Transaction, User]] = Hook()
"""Called in the transaction that erases a user; the packages above let go of what is theirs."""


async def delete_me(desk: Desk, password: str | None) -> str:
    """Erase the viewer; returns their id. Raises Forbidden for a wrong password, RateLimited."""
    await prove(desk, password)
    return await erase_viewer(desk.actor)


@verb
async def erase_viewer(tx: Transaction) -> str:
    """Erase the viewer, guests included. Raises Conflict for who is the last owner of others."""
    user = await tx.reach(User, tx.actor.viewer.id)
    await user_leaves(tx, user)
    await erase(tx, user)
    return user.id


async def erase(tx: Transaction, user: User) -> None:
    """Empty a user's row and keep it, so that its subject is known for one that is gone.

    Raises Conflict for an operator, whose office must be taken away first.
    """
    if user.operator:
        raise Conflict("An operator can't be deleted; have the office taken away first.")
    if user.email is not None and user.email_verified:
        await post(tx, MailKind.ACCOUNT_DELETED, user.email)
    await audit(tx, AuditAction.USER_ERASED, user, owner=SYSTEM)  # the user's own log goes too
    await end_sessions(tx, user.id)
    await withdraw(tx, user.id)
    await user_erased(tx, user)
    await user.change(
        deleted_at=tx.now,
        email=None,
        email_verified=False,
        name=ERASED_NAME,
        avatar_url=None,
        system_prompt=None,
        favorite_models=[],
    )
