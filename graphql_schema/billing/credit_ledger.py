"""The ledger of credits in the API, what is reserved, and what was spent by day and model."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import strawberry

from graphql_schema.core.connection import Connection
from graphql_schema.core.context import context_of
from graphql_schema.core.entries import Org, of_viewer, pages_of
from graphql_schema.core.enums import describe
from graphql_schema.core.node import Node
from graphql_schema.core.record_type import record_type
from models.billing import balances, credit_ledger, credit_reservations
from models.billing.credit_ledger import CreditEvent
from models.billing.credit_reservations import ReservationState
from models.permissions import Permission
from models.reading import Listing, Order

describe(
    CreditEvent,
    "Why credits moved.",
    GRANTED="A window began, or the plan changed.",
    RESERVED="An answer was asked for.",
    SETTLED="It was written.",
    RELEASED="It came to nothing.",
    LAPSED="A window ended before all was used.",
    RESET="An operator ended the window.",
)
describe(
    ReservationState,
    "What became of reserved credits.",
    OPEN="The answer is being written.",
    SETTLED="They are spent.",
    RELEASED="They were given back.",
)


@record_type(credit_ledger.CreditEntry)
class CreditEntry(Node):
    org_id: strawberry.ID | None
    event: CreditEvent
    event_key: str
    window_number: int
    granted: float
    points: float
    reserved: float
    spent: float
    model: str | None
    subject_id: strawberry.ID | None
    created_at: datetime
    updated_at: datetime


@record_type(credit_reservations.CreditReservation)
class CreditReservation(Node):
    org_id: strawberry.ID | None
    subject_id: strawberry.ID
    model: str
    cost: float
    state: ReservationState
    window_number: int
    created_at: datetime
    updated_at: datetime


@strawberry.type(description="What the answers of a model have cost on a day.")
class CreditBalance:
    day: datetime = strawberry.field(description="When the day began, in UTC.")
    model: str = strawberry.field(description="The model's id.")
    spent: float = strawberry.field(description="Credits spent.")
    answers: int = strawberry.field(description="Answers that they were spent on.")


ENTRIES = Listing(credit_ledger.CreditEntry, "owner_id", Order("created_at", descending=True), 0)
RESERVATIONS = Listing(
    credit_reservations.CreditReservation, "owner_id", Order("created_at", descending=True), 0
)
Since = Annotated[datetime, strawberry.argument(description="From when on.")]
Until = Annotated[datetime, strawberry.argument(description="Until when, at most 100 days later.")]


@strawberry.type
class Query:
    credit_entries: Connection[CreditEntry] = pages_of(
        of_viewer, ENTRIES, "Every movement of the viewer's credits, newest first."
    )
    credit_reservations: Connection[CreditReservation] = pages_of(
        of_viewer, RESERVATIONS, "What was reserved of the viewer's credits, newest first."
    )

    @strawberry.field(
        description="What answers have cost by day and model, newest day first: the viewer's, or "
        "those asked for in an organisation.",
        metadata={"needs": Permission.BILLING},
    )
    async def credit_balances(
        self, info: strawberry.Info, since: Since, until: Until, org: Org = None
    ) -> list[CreditBalance]:
        actor = context_of(info).actor()
        found: Any = await balances.balances_of(actor, org, since, until)
        return found
