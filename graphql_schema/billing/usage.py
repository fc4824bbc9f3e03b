"""Usage in the API: the credits that a user has left."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta
from typing import Any

import strawberry

from graphql_schema.core.computing import issued
from graphql_schema.core.context import Ports, context_of
from graphql_schema.core.hearing import AfterCursor, Topic, hear, reach_root
from graphql_schema.core.mutations import acting, given, mutation
from graphql_schema.core.node import Node
from graphql_schema.core.record_type import record_type
from models.accounts.users import User
from models.billing import usage
from models.billing.credits import reset_credits
from models.billing.plans import PlanTier
from models.billing.usage_now import usage_now
from models.permissions import Permission

MILLISECOND = timedelta(milliseconds=1)


@issued("plan_type", description="Credits that the plan has in all; null for any number.")
def _most(rows: Sequence[usage.Usage], ports: Ports) -> list[float | None]:
    return [_limit(row, ports) for row in rows]


@issued(
    "plan_type",
    "points",
    "expire",
    description="Credits left by now, all of them where they were renewed; null for any number.",
)
def _remaining(rows: Sequence[usage.Usage], ports: Ports) -> list[float | None]:
    return [_left(row, ports) for row in rows]


@issued("expire", description="Milliseconds until they are renewed; null before their first use.")
def _wait(rows: Sequence[usage.Usage], ports: Ports) -> list[float | None]:
    now = ports.clock.now()
    waits = (row.expire - now if row.expire is not None and row.runs(now) else None for row in rows)
    return [None if wait is None else wait / MILLISECOND for wait in waits]


def _limit(row: usage.Usage, ports: Ports) -> float | None:
    if ports.credits is None:
        return None
    limit = ports.credits.allowances[row.plan_type or PlanTier.FREE]
    return None if limit is None else float(limit)


def _left(row: usage.Usage, ports: Ports) -> float | None:
    limit = _limit(row, ports)
    return float(row.points) if limit is not None and row.runs(ports.clock.now()) else limit


@record_type(usage.Usage)
class Usage(Node):
    user_id: strawberry.ID
    points: float
    granted: float
    reserved: float
    spent: float
    expire: datetime | None
    plan_type: PlanTier | None
    max_points: float | None = _most
    remaining_points: float | None = _remaining
    credits_remaining: float | None = _remaining
    ms_before_next: float | None = _wait
    created_at: datetime
    updated_at: datetime


@strawberry.input(description="Whose credits to renew.")
class ResetCreditsInput:
    user_id: strawberry.ID = given("The user.")


@strawberry.type(description="What is left of the window that was ended.")
class ResetCreditsPayload:
    usage: Usage = strawberry.field(description="The user's credits, before their next use.")


@strawberry.type(description="The viewer's credits when they have changed, or a bare cursor.")
class UsageChanged:
    node: Usage | None = strawberry.field(description="The credits as they are now.")
    deleted_id: strawberry.ID | None = strawberry.field(description="The id of a row that is gone.")
    cursor: str = strawberry.field(description="Where to go on after a break.")
    reset: bool = strawberry.field(
        description="True when changes may have been missed: query them again."
    )


@strawberry.type
class Query:
    @strawberry.field(
        description="The viewer's credits by now, all of them before the first use; null when "
        "signed out and for guests, whom daily limits hold instead."
    )
    async def usage(self, info: strawberry.Info) -> Usage | None:
        found: Any = await usage_now(context_of(info).actor())
        return found


@strawberry.type
class Mutation:
    @mutation("Renew a user's credits.", needs=Permission.OPERATE)
    async def reset_credits(
        self, info: strawberry.Info, input: ResetCreditsInput
    ) -> ResetCreditsPayload:
        row: Any = await reset_credits(acting(info, input), input.user_id)
        return ResetCreditsPayload(usage=row)


@strawberry.type
class Subscription:
    @strawberry.subscription(description="The viewer's credits, as they change.")
    async def usage_changed(
        self, info: strawberry.Info, after: AfterCursor = None
    ) -> AsyncIterator[UsageChanged]:
        context = context_of(info)
        root = await reach_root(context, User, context.viewer.id, "of")
        async for event in hear(context, Topic(usage.Usage, "user_id", root), after):
            yield event  # type: ignore[misc]
