"""Pending subscriptions in the API, for operators."""

from __future__ import annotations

from datetime import datetime

import strawberry

from graphql_schema.core.connection import (
    Connection,
)
from graphql_schema.core.entries import of_viewer, pages_of
from graphql_schema.core.enums import describe
from graphql_schema.core.node import Node
from graphql_schema.core.record_type import record_type
from graphql_schema.core.scalars import JSON
from models.billing import pending_subscriptions
from models.billing.pending_subscriptions import PendingSubscriptionStatus
from models.billing.plans import PlanTier
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
    external_id: str | None
    plan_tier: PlanTier
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
    pending_subscriptions: Connection[PendingSubscription] = pages_of(
        of_viewer, ALL, "What waits for its user, newest first; for operators."
    )
