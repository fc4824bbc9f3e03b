"""Rate limits in the API, for operators."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import strawberry

from graphql_schema.core.connection import (
    After,
    Before,
    Connection,
    First,
    Last,
    Window,
    load_page,
)
from graphql_schema.core.context import context_of
from graphql_schema.core.fields import computed
from graphql_schema.core.node import Node
from graphql_schema.core.record_type import record_type
from models.billing import rate_limits
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
    @strawberry.field(description="What is limited, newest window first; for operators.")
    async def rate_limits(
        self,
        info: strawberry.Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Connection[RateLimit]:
        context, window = context_of(info), Window(first, after, last, before)
        page: Any = await load_page(context, ALL, context.viewer.user_id, window)
        return page
