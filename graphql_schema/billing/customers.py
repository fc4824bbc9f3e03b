"""Customers in the API."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import strawberry

from graphql_schema.core.context import context_of
from graphql_schema.core.node import Node
from graphql_schema.core.record_type import record_type
from models.billing import customers
from models.reading import Listing, Order


@record_type(customers.PolarCustomer)
class PolarCustomer(Node):
    user_id: strawberry.ID
    polar_customer_id: str
    created_at: datetime
    updated_at: datetime


NEWEST = Listing(customers.PolarCustomer, "user_id", Order("created_at", descending=True), 1)


@strawberry.type
class Query:
    @strawberry.field(description="The customer that the viewer is at Polar; null if none.")
    async def polar_customer(self, info: strawberry.Info) -> PolarCustomer | None:
        context = context_of(info)
        found: list[Any] = await context.loaders.rows(NEWEST, context.viewer.user_id)
        return found[0] if found else None
