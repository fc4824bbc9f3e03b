"""Changing the e-mail address: the new one is proven first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.accounts.addresses import address_of, holder_of
from models.accounts.mails import MailKind, post
from models.accounts.proving import own_user, prove
from models.accounts.verifications import Purpose, Ticket, issue
from models.permissions import Permission
from models.verbs import verb

if TYPE_CHECKING:
    from models.accounts.desk import Desk
    from models.transaction import Transaction


async def change_email(desk: Desk, email: str, password: str | None) -> str:
    """Send a link that proves the viewer's new address; returns it as it is stored.

    Raises Forbidden for a wrong password, Invalid and RateLimited.
    """
    address = address_of(email)
    await prove(desk, password)
    await desk.count("change_email", address)
    await ask_to_change(desk.actor, address, desk.ticket(Purpose.CHANGE_EMAIL))
    return address


@verb.needing(Permission.ACCOUNT)
async def ask_to_change(tx: Transaction, email: str, ticket: Ticket) -> None:
    """Send the link that changes the viewer's address, or tell its owner that it is taken."""
    user = await own_user(tx)
    holder = await holder_of(tx, email)
    taken = holder is not None and holder.id != user.id
    await issue(tx, ticket, email, user_id=user.id)
    kind = MailKind.ADDRESS_TAKEN if taken else MailKind.CONFIRM_ADDRESS
    await post(tx, kind, email, None if taken else ticket.id)
