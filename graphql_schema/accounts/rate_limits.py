"""Rate limits in the API, for operators."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import strawberry

from graphql_schema.core.computing import computed
from graphql_schema.core.connection import (
    Connection,
)
from graphql_schema.core.entries import of_viewer, pages_of
from graphql_schema.core.node import Node
from graphql_schema.core.record_type import record_type
from models.accounts import rate_limits
from models.reading import Listing, Order


# The column has another name, since LIMIT is a word of SQL.
@computed("limit_count", description="How often it may be done in a window.")
def _limit(limits: Sequence[rate_limits.RateLimit]) -> list[int]:
    return [one.limit_count for one in limits]


@record_type(rate_limits.RateLimit)
class RateLimit(Node):
    key: str
    count: int
    window_start: datetime
    limit: int = _limit
    window_ms: float
    created_at: datetime
    updated_at: datetime


ALL = Listing(rate_limits.RateLimit, None, Order("window_start", descending=True), 0)


@strawberry.type
class Query:
    rate_limits: Connection[RateLimit] = pages_of(
        of_viewer, ALL, "What is limited, newest window first; for operators."
    )
