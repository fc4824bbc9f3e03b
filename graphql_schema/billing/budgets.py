"""Budgets in the API."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any

import strawberry

from graphql_schema.accounts.orgs import org_id_of
from graphql_schema.core.computing import issued
from graphql_schema.core.context import Ports, context_of
from graphql_schema.core.entries import row_of_owner
from graphql_schema.core.hearing import AfterCursor, Topic, hear, reach_root
from graphql_schema.core.mutations import acting, given, mutation
from graphql_schema.core.node import Node
from graphql_schema.core.record_type import record_type
from models.billing import budgets
from models.billing.budgets import month_of, next_month
from models.permissions import Permission
from models.reading import Lookup


@issued("month", "used", description="Credits reserved and spent in the month that runs.")
def _used(rows: Sequence[budgets.CreditBudget], ports: Ports) -> list[float]:
    month = month_of(ports.clock.now())
    return [float(row.used_in(month)) for row in rows]


@issued("id", description="When the month ends, in UTC.")
def _resets(rows: Sequence[budgets.CreditBudget], ports: Ports) -> list[datetime]:
    return [next_month(ports.clock.now())] * len(rows)


@record_type(budgets.CreditBudget)
class CreditBudget(Node):
    org_id: strawberry.ID | None = org_id_of
    soft_limit: float | None
    hard_limit: float | None
    used: float = _used
    month: datetime
    resets_at: datetime = _resets
    alerted_at: datetime | None
    created_at: datetime
    updated_at: datetime


@strawberry.input(description="What an owner wants to spend in a month of the calendar, in UTC.")
class SetBudgetInput:
    org_id: strawberry.ID | None = given("Whose budget; default: the viewer's.", default=None)
    soft_limit: float | None = given("Credits from which to warn; null for none.", default=None)
    hard_limit: float | None = given(
        "Credits above which nothing is sent any more; null for none.", default=None
    )


@strawberry.type(description="The budget as it is now.")
class SetBudgetPayload:
    budget: CreditBudget = strawberry.field(description="The budget.")


@strawberry.type(description="A budget that was changed or counted, or a bare cursor.")
class BudgetChanged:
    node: CreditBudget | None = strawberry.field(description="The budget as it is now.")
    deleted_id: strawberry.ID | None = strawberry.field(
        description="The id of a budget that is gone."
    )
    cursor: str = strawberry.field(description="Where to go on after a break.")
    reset: bool = strawberry.field(
        description="True when changes may have been missed: query it again."
    )


def _credits(number: float | None) -> Decimal | None:
    return None if number is None else Decimal(str(number))


@strawberry.type
class Query:
    budget: CreditBudget | None = row_of_owner(
        Lookup(budgets.CreditBudget, "owner_id"),
        "What an owner wants to spend in a month; null until it is set.",
    )


@strawberry.type
class Mutation:
    @mutation("Bound what is spent in a month, or only be warned.", needs=Permission.BILLING)
    async def set_budget(self, info: strawberry.Info, input: SetBudgetInput) -> SetBudgetPayload:
        limits = _credits(input.soft_limit), _credits(input.hard_limit)
        row: Any = await budgets.set_budget(acting(info, input), input.org_id, *limits)
        return SetBudgetPayload(budget=row)


@strawberry.type
class Subscription:
    @strawberry.subscription(description="A budget, as it is used, warns or is changed.")
    async def budget_changed(
        self,
        info: strawberry.Info,
        id: Annotated[strawberry.ID, strawberry.argument(description="Which one.")],
        after: AfterCursor = None,
    ) -> AsyncIterator[BudgetChanged]:
        context = context_of(info)
        root = await reach_root(context, budgets.CreditBudget, id, "id")
        async for event in hear(context, Topic(budgets.CreditBudget, "id", root), after):
            yield event  # type: ignore[misc]
