"""E-mail addresses: how they are written, and who holds one."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from models.accounts.users import EMAIL_LIMIT, User
from models.errors import Conflict, Invalid

if TYPE_CHECKING:
    from models.transaction import Transaction

# Whether mail arrives is the only real test; this one keeps out what could not be an address, and
# what means something in the mail's header: the end of a line, another address, an encoded word.
_NO = r"\s@<>\"(),:;\[\]\\\x00-\x1f\x7f-\x9f"
_SHAPE = re.compile(rf"(?!.*=\?)[^{_NO}]+@[^{_NO}.]+(?:\.[^{_NO}.]+)*")


def address_of(given: str, field: str = "email") -> str:
    """An address as it is stored, in lower case. Raises Invalid for what is none."""
    email = given.strip().lower()
    if len(email) > EMAIL_LIMIT or not _SHAPE.fullmatch(email):
        raise Invalid("This is no e-mail address.", field=field)
    return email


async def holder_of(tx: Transaction, email: str) -> User | None:
    """The user, locked, who has proven the address."""
    where = "email = $1 AND email_verified AND deleted_at IS NULL"
    return await tx.first(User, where, email, lock=True)


async def claim_address(tx: Transaction, email: str, user: User | None = None) -> None:
    """Make room for who has just proven an address; whoever only says so loses it.

    `user` is who it is for, if they are there already. Raises Conflict when another has proven it.
    """
    holder = await tx.first(User, "email = $1 AND deleted_at IS NULL", email, lock=True)
    if holder is None or (user is not None and holder.id == user.id):
        return
    if holder.email_verified:
        raise Conflict("Somebody has this address already.")
    await holder.change(email=None)
