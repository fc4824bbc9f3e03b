"""Usage in the API."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import strawberry

from graphql_schema.core.context import context_of
from graphql_schema.core.node import Node
from graphql_schema.core.record_type import record_type
from models.billing import usage
from models.billing.plans import PlanTier
from models.reading import Lookup


@record_type(usage.Usage)
class Usage(Node):
    user_id: strawberry.ID
    points: float
    expire: datetime | None
    plan_type: PlanTier | None
    created_at: datetime
    updated_at: datetime


OWN = Lookup(usage.Usage, "user_id")


@strawberry.type
class Query:
    @strawberry.field(description="The viewer's credits; null before the first use.")
    async def usage(self, info: strawberry.Info) -> Usage | None:
        context = context_of(info)
        found: Any = await context.loaders.row(OWN, context.viewer.user_id)
        return found
