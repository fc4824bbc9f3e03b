"""Plans in the API."""

from __future__ import annotations

from typing import Any

import strawberry

from graphql_schema.core.context import context_of
from graphql_schema.core.enums import describe
from models.billing.plans import PlanTier
from models.billing.subscriptions import plan_for

describe(
    PlanTier,
    "A plan, by how much of the product it opens.",
    FREE="Without payment.",
    PRO="Paid, with more of everything.",
    UNLIMITED="Paid, without limits.",
)


@strawberry.type(description="What the viewer's live subscriptions give together.")
class Plan:
    tier: PlanTier = strawberry.field(description="The best plan that one of them pays for.")
    features: list[str] = strawberry.field(
        description="The features that their metadata lists, in alphabetical order."
    )


@strawberry.type
class Query:
    @strawberry.field(
        description="The plan that the viewer is on; null when signed out. Needs BILLING."
    )
    async def plan(self, info: strawberry.Info) -> Plan | None:
        found: Any = await plan_for(context_of(info).actor())
        return found
