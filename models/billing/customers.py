"""Customers: users as the payment provider Polar knows them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models import fields
from models.access import Owned
from models.accounts.users import User, column_of
from models.base import Record
from models.indexes import index, unique
from models.permissions import Permission

if TYPE_CHECKING:
    from models.billing.plans import Terms
    from models.billing.telling import Payer
    from models.transaction import Transaction

_ONE_AT_A_TIME = "SELECT pg_advisory_xact_lock(hashtext('punnet.polar'), hashtext($1))"


class PolarCustomer(Record):
    """The customer that a user is at Polar."""

    prefix = "pcu"
    access = Owned(read=Permission.BILLING)
    indexes = (index("user_id", "created_at", "id"), unique("polar_customer_id"))

    owner_id: str = fields.key("Whose customer record it is.")
    user_id: str = fields.key("Id of the user.")
    polar_customer_id: str = fields.key("The id at Polar.")

    class Meta:
        table = "polar_customer"


class Unsettled(Exception):
    """What Polar tells can't be taken over. Raised before anything is written."""


async def hold(tx: Transaction, *names: str | None) -> None:
    """Let others who settle the same customer wait: else a link and a subscription that come at
    once miss each other."""
    for name in names:
        if name is not None:
            await tx.connection.execute(_ONE_AT_A_TIME, name)


async def customer_user(tx: Transaction, payer: Payer) -> User | None:
    """The user that a customer is, locked; None as long as nobody is known to be.

    Raises Unsettled where it is said of two, and for a user who was erased.
    """
    linked = await tx.first(PolarCustomer, "polar_customer_id = $1", payer.customer_id)
    named = await _named(tx, payer.external_id)
    return await _one(tx, {linked and linked.user_id, named})


async def buyer(tx: Transaction, payer: Payer, customer: User | None, terms: Terms) -> User | None:
    """The user who bought something, locked: the customer, or for whom our checkout was opened.

    The latter alone is not the customer: Polar takes one whose e-mail address a buyer enters. A
    customer who is named, but is nobody here yet, is waited for. Raises Unsettled as above.
    """
    if customer is None and payer.external_id is not None:
        return None
    return await _one(tx, {customer and customer.id, terms.buyer_in(payer.metadata)})


async def _one(tx: Transaction, said: set[str | None]) -> User | None:
    found = said - {None}
    if len(found) > 1:
        raise Unsettled("The customer is said to be more than one user.")
    user = await tx.lock(User, found.pop() or "") if found else None
    if user is not None and user.deleted_at is not None:
        raise Unsettled("The customer's user was erased.")
    return user


async def _named(tx: Transaction, external_id: str | None) -> str | None:
    """The id of the user whom somebody who holds our token at Polar named."""
    if external_id is None:
        return None
    user = await tx.first(User, f"{column_of(external_id)} = $1", external_id)
    return user and user.id


async def link(tx: Transaction, user: User, customer_id: str) -> None:
    """Note that a user is this customer, who is nobody else until now."""
    known = await tx.first(PolarCustomer, "polar_customer_id = $1", customer_id)
    if known is None:
        made = PolarCustomer(owner_id=user.id, user_id=user.id, polar_customer_id=customer_id)
        await tx.add(made)
