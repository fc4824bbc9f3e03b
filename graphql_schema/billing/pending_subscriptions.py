"""Pending subscriptions in the API, for operators."""

from __future__ import annotations

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
from graphql_schema.core.enums import describe
from graphql_schema.core.node import Node
from graphql_schema.core.record_type import record_type
from graphql_schema.core.scalars import JSON
from models.billing import pending_subscriptions
from models.billing.pending_subscriptions import PendingSubscriptionStatus
from models.reading import Listing, Order

describe(
    PendingSubscriptionStatus,
    "Whether a pending subscription found its user.",
    PENDING="It waits for its user.",
    RESOLVED="It was given to its user.",
    FAILED="It could not be given to anybody.",
)


@record_type(pending_subscriptions.PendingSubscription)
class PendingSubscription(Node):
    polar_subscription_id: str
    customer_id: str
    event_data: JSON
    status: PendingSubscriptionStatus
    resolved_user_id: strawberry.ID | None
    error: str | None
    created_at: datetime
    updated_at: datetime
    resolved_at: datetime | None


ALL = Listing(
    pending_subscriptions.PendingSubscription, None, Order("created_at", descending=True), 0
)


@strawberry.type
class Query:
    @strawberry.field(description="What waits for its user, newest first; for operators.")
    async def pending_subscriptions(
        self,
        info: strawberry.Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Connection[PendingSubscription]:
        context, window = context_of(info), Window(first, after, last, before)
        page: Any = await load_page(context, ALL, context.viewer.user_id, window)
        return page
