"""Usage events and their totals in the API."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any

import strawberry

from graphql_schema.accounts.orgs import org_id_of
from graphql_schema.core.connection import Connection
from graphql_schema.core.context import context_of
from graphql_schema.core.entries import Org, pages_of_owner
from graphql_schema.core.enums import describe
from graphql_schema.core.node import Node
from graphql_schema.core.record_type import record_type
from graphql_schema.core.scalars import JSON
from models.billing import usage_events
from models.billing.usage_events import UsageMetric
from models.billing.usage_totals import totals_of
from models.permissions import Permission
from models.reading import Listing, Order

TOTALS_COST = 100

describe(
    UsageMetric,
    "What is counted.",
    AI_TOKENS="Tokens of models, of prompts and answers together.",
    AI_REQUESTS="Requests to models.",
    DOCUMENTS="Documents.",
    STORAGE_BYTES="Bytes of files.",
)


@record_type(usage_events.UsageEvent)
class UsageEvent(Node):
    user_id: strawberry.ID | None
    org_id: strawberry.ID | None = org_id_of
    agent_id: strawberry.ID | None
    agent_name: str | None
    run_id: strawberry.ID | None
    message_id: strawberry.ID | None
    metric: UsageMetric
    quantity: int
    model: str | None
    provider: str | None
    feature: str
    cost_usd: Decimal
    price: JSON | None
    own_key: bool
    measured: bool
    usage: JSON | None
    provider_metadata: JSON | None
    billing_period: str
    created_at: datetime
    updated_at: datetime


@strawberry.type(description="What the events that share a day, a model or a feature come to.")
class UsageTotal:
    key: str = strawberry.field(
        description="What they share: a day of UTC such as `2026-01-31`, a model or a feature; "
        "empty for the sum of all, and for events without a model."
    )
    events: int = strawberry.field(description="How many there are.")
    unmeasured: int = strawberry.field(
        description="How many of them are of calls whose provider did not tell how much they "
        "were: the sums are short of those."
    )
    quantity: float = strawberry.field(description="How much was used, a whole number.")
    cost_usd: Decimal = strawberry.field(description="US dollars, not rounded.")


@strawberry.type(description="What one billing period comes to; each list has all of it.")
class UsageTotals:
    billing_period: str = strawberry.field(description="The month of UTC, such as `2026-01`.")
    metric: UsageMetric = strawberry.field(description="What is counted.")
    total: UsageTotal = strawberry.field(description="All of it.")
    by_day: list[UsageTotal] = strawberry.field(description="By day, the first one first.")
    by_model: list[UsageTotal] = strawberry.field(description="By model, the dearest first.")
    by_feature: list[UsageTotal] = strawberry.field(description="By feature, the dearest first.")


Period = Annotated[
    str | None,
    strawberry.argument(description="A month of UTC, such as `2026-01`; default: the present one."),
]
Metric = Annotated[UsageMetric, strawberry.argument(description="What is counted.")]
Agent = Annotated[
    strawberry.ID | None, strawberry.argument(description="Only what this agent used.")
]

NEWEST = Listing(usage_events.UsageEvent, "owner_id", Order("created_at", descending=True), 0)


@strawberry.type
class Query:
    usage_events: Connection[UsageEvent] = pages_of_owner(
        NEWEST, "What was used, newest first; an organisation's needs BILLING."
    )

    @strawberry.field(
        description="What a billing period comes to; null when signed out, and for an organisation "
        "where the viewer lacks BILLING.",
        metadata={"needs": Permission.BILLING, "cost": TOTALS_COST},
    )
    async def usage_totals(
        self,
        info: strawberry.Info,
        billing_period: Period = None,
        org: Org = None,
        metric: Metric = UsageMetric.AI_TOKENS,
        agent_id: Agent = None,
    ) -> UsageTotals | None:
        found: Any = await totals_of(
            context_of(info).actor(), org, billing_period, metric, agent_id
        )
        return found
