"""What guests have used today, in the API, for operators."""

from __future__ import annotations

from datetime import datetime

import strawberry

from graphql_schema.core.connection import Connection
from graphql_schema.core.entries import of_viewer, pages_of
from graphql_schema.core.node import Node
from graphql_schema.core.record_type import record_type
from models.billing import anonymous_usage
from models.reading import Listing, Order


@record_type(anonymous_usage.AnonymousUsage)
class AnonymousUsage(Node):
    anonymous_id: str
    daily_message_count: int
    daily_reset: datetime | None
    created_at: datetime
    updated_at: datetime


ALL = Listing(anonymous_usage.AnonymousUsage, None, Order("created_at", descending=True), 0)


@strawberry.type
class Query:
    anonymous_usages: Connection[AnonymousUsage] = pages_of(
        of_viewer, ALL, "What guests have used, newest first; for operators."
    )
