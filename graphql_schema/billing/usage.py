"""Usage in the API."""

from __future__ import annotations

from datetime import datetime

import strawberry

from graphql_schema.core.entries import own_row
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
    usage: Usage | None = own_row(OWN, "The viewer's credits; null before the first use.")
