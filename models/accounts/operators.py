"""Operators: users who run the service, and read what belongs to nobody."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.accounts.audit_logs import AuditAction, audit
from models.accounts.users import NO_SUCH_USER, User, column_of
from models.errors import Conflict, NotFound
from models.verbs import verb

if TYPE_CHECKING:
    from models.transaction import Transaction


@verb.needing(None)
async def grant_operator(tx: Transaction, who: str) -> User:
    """Make a user an operator. Raises NotFound, and Conflict for a guest.

    It asks for no right, so it must not be called for a viewer: whoever holds the database does.
    """
    user = await _find(tx, who)
    if user.anonymous:
        raise Conflict("A guest can't be an operator.")
    await user.change(operator=True)
    await audit(tx, AuditAction.OPERATOR_GRANTED, user)
    return user


@verb.needing(None)
async def revoke_operator(tx: Transaction, who: str) -> User:
    """Make an operator a user like any other. Raises NotFound."""
    user = await (await _find(tx, who)).change(operator=False)
    await audit(tx, AuditAction.OPERATOR_REVOKED, user)
    return user


async def _find(tx: Transaction, who: str) -> User:
    """The user of an id or, if it is none, of a subject."""
    user = await tx.first(User, f"{column_of(who)} = $1 AND deleted_at IS NULL", who)
    if user is None:
        raise NotFound(NO_SUCH_USER)
    return user
