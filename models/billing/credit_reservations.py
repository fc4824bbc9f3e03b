"""Reservations: the credits that are held for an answer until it has ended."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum

from models import fields
from models.access import Owned
from models.base import Record
from models.indexes import Check, index, unique
from models.permissions import Permission

OPEN = "(state = 'open'::text)"


class ReservationState(StrEnum):
    """What became of reserved credits."""

    OPEN = "open"
    SETTLED = "settled"
    RELEASED = "released"


class CreditReservation(Record):
    """The credits held for one answer, paid by who asked for it."""

    prefix = "crv"
    access = Owned(read=Permission.BILLING)
    indexes = (
        unique("subject_id"),
        index("owner_id", "created_at", "id"),
        index("org_id", "created_at"),
        index("created_at", where=OPEN),
    )
    checks = (Check("credit_reservation_cost_check", "(cost > (0)::numeric)"),)

    owner_id: str = fields.key("Id of the user who pays.")
    org_id: str | None = fields.key(
        "Id of the organisation whose conversation it is; null for a user's own.", null=True
    )
    subject_id: str = fields.key("Id of the message that answers, or of a run without one.")
    model: str = fields.text("Id of the model that answers.", limit=200)
    cost: Decimal = fields.decimal("What the answer costs.")
    state: ReservationState = fields.choice(
        ReservationState, "What became of it.", default=ReservationState.OPEN
    )
    window_number: int = fields.integer("The window of credits that it is taken from.")

    class Meta:
        table = "credit_reservation"
