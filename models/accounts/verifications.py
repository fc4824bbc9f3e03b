"""Verifications: what was sent to an address, to be brought back once and soon."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from models import fields, ids
from models.access import OperatorOnly
from models.accounts.tokens import digest
from models.accounts.users import EMAIL_LIMIT, NAME_LIMIT
from models.base import Record
from models.errors import Invalid
from models.indexes import index, unique

if TYPE_CHECKING:
    from models.ports import Tickets
    from models.transaction import Transaction


class Purpose(StrEnum):
    """What a verification proves an address for."""

    SIGN_UP = "sign_up"
    CHANGE_EMAIL = "change_email"
    RESET_PASSWORD = "reset_password"  # noqa: S105 - no password


LIFETIMES = {
    Purpose.SIGN_UP: timedelta(hours=24),
    Purpose.CHANGE_EMAIL: timedelta(hours=1),
    Purpose.RESET_PASSWORD: timedelta(hours=1),
}


class Verification(Record):
    """A value that was sent to an address and proves, once, that it was read there."""

    prefix = "ver"
    access = OperatorOnly()
    indexes = (
        unique("value_hash"),
        index("user_id"),
        index("expires_at"),
        index("created_at", "id"),
    )

    identifier: str = fields.text("The e-mail address to prove.", limit=EMAIL_LIMIT)
    purpose: Purpose = fields.choice(Purpose, "What for.")
    value_hash: str | None = fields.digest("SHA-256 of the value.")
    expires_at: datetime = fields.moment("When it ends.")
    user_id: str | None = fields.key("Id of the user who asked for it.", null=True)
    name: str | None = fields.text(
        "What to call the user who signs up.", limit=NAME_LIMIT, null=True
    )
    password_hash: str | None = fields.digest(
        "The hash of the password of who signs up.", limit=500
    )

    class Meta:
        table = "verification"


@dataclass(frozen=True, slots=True)
class Ticket:
    """A verification about to be added: its id, what it is for, and the digest of its value."""

    id: str
    purpose: Purpose
    hash: str

    @classmethod
    def new(cls, tickets: Tickets, purpose: Purpose) -> Ticket:
        """A ticket for one purpose."""
        id = ids.new_id(Verification.prefix)
        return cls(id, purpose, digest(tickets.token_of(purpose, id)))


async def issue(tx: Transaction, ticket: Ticket, identifier: str, **more: str | None) -> None:
    """Add a ticket's verification, for one address."""
    verification = Verification(
        id=ticket.id,
        identifier=identifier,
        purpose=ticket.purpose,
        value_hash=ticket.hash,
        expires_at=tx.now + LIFETIMES[ticket.purpose],
        **more,
    )
    await tx.add(verification)


async def redeem(tx: Transaction, token: str, *purposes: Purpose) -> Verification:
    """Use up the verification of a value. Raises Invalid unless it holds, for that purpose."""
    found = await tx.first(Verification, "value_hash = $1", digest(token), lock=True)
    if found is None or found.purpose not in purposes or found.expires_at <= tx.now:
        raise Invalid("This link does not hold any more; ask for a new one.", field="token")
    await found.remove()
    return found


async def withdraw(tx: Transaction, user_id: str) -> None:
    """Take back all that was sent for a user."""
    await tx.remove_many(Verification, "user_id = $1", user_id)
