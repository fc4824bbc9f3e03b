"""The ledger of credits: every movement of them, one row each, never changed and never removed."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING

from models import fields
from models.access import Owned
from models.base import Record
from models.billing.usage import BALANCED
from models.crediting import NOTHING
from models.indexes import Check, index, unique
from models.permissions import Permission

if TYPE_CHECKING:
    from models.billing.credit_reservations import CreditReservation


class CreditEvent(StrEnum):
    """Why credits moved."""

    GRANTED = "granted"
    RESERVED = "reserved"
    SETTLED = "settled"
    RELEASED = "released"
    LAPSED = "lapsed"
    RESET = "reset"


class CreditEntry(Record):
    """One movement of a user's credits; its numbers say how much more there is of each kind."""

    prefix = "cle"
    access = Owned(read=Permission.BILLING)
    only_grows = True  # PostgreSQL itself refuses to change or remove one
    indexes = (
        unique("event_key"),
        index("owner_id", "created_at", "id"),
        index("owner_id", "created_at", "model", where="(event = 'settled'::text)", label="spent"),
        index(
            "org_id", "created_at", "model", where="(event = 'settled'::text)", label="org_spent"
        ),
    )
    checks = (Check("credit_ledger_balance_check", BALANCED),)

    owner_id: str = fields.key("Id of the user whose credits moved.")
    org_id: str | None = fields.key(
        "Id of the organisation in which they were used; null outside of any.", null=True
    )
    event: CreditEvent = fields.choice(CreditEvent, "Why they moved.")
    event_key: str = fields.key("Names what happened, so that nothing is counted twice.")
    window_number: int = fields.integer("The window in which they were granted.")
    granted: Decimal = fields.decimal("Credits granted.", default=NOTHING)
    points: Decimal = fields.decimal("Credits available.", default=NOTHING)
    reserved: Decimal = fields.decimal("Credits reserved.", default=NOTHING)
    spent: Decimal = fields.decimal("Credits spent.", default=NOTHING)
    model: str | None = fields.text("Id of the model they are for.", limit=200, null=True)
    subject_id: str | None = fields.key("Id of the message or run they are for.", null=True)

    class Meta:
        table = "credit_ledger"


def entry_of(
    reservation: CreditReservation,
    event: CreditEvent,
    *,
    granted: Decimal = NOTHING,
    points: Decimal = NOTHING,
    reserved: Decimal = NOTHING,
    spent: Decimal = NOTHING,
) -> CreditEntry:
    """The movement that a reservation makes; it has one that opens it and one that closes it."""
    opens = event is CreditEvent.RESERVED
    return CreditEntry(
        owner_id=reservation.owner_id,
        org_id=reservation.org_id,
        event=event,
        event_key=f"{'opened' if opens else 'closed'} {reservation.subject_id}",
        window_number=reservation.window_number,
        granted=granted,
        points=points,
        reserved=reserved,
        spent=spent,
        model=reservation.model,
        subject_id=reservation.subject_id,
    )
