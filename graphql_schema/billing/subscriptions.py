"""Subscriptions in the API, where `Subscription` is the type of what can be heard of."""

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
from models.billing import subscriptions
from models.billing.plans import PlanTier
from models.billing.subscriptions import (
    BillingInterval,
    SubscriptionProvider,
    SubscriptionStatus,
)
from models.reading import Listing, Order

describe(
    SubscriptionProvider,
    "Who keeps a subscription.",
    POLAR="The payment provider Polar.",
    MANUAL="The people who run this service.",
)
describe(
    SubscriptionStatus,
    "How a subscription stands.",
    ACTIVE="It is paid.",
    PAST_DUE="A payment is late.",
    CANCELED="It was ended.",
    UNPAID="Payment failed for good.",
    TRIALING="It is on trial.",
)
describe(
    BillingInterval,
    "How often a subscription is paid.",
    MONTHLY="Each month.",
    YEARLY="Each year.",
)


@record_type(subscriptions.Subscription)
class BillingSubscription(Node):
    user_id: strawberry.ID
    provider: SubscriptionProvider
    plan_tier: PlanTier
    polar_subscription_id: str | None
    customer_id: str | None
    product_id: str | None
    price_id: str | None
    status: SubscriptionStatus
    interval: BillingInterval | None
    current_period_start: datetime | None
    current_period_end: datetime | None
    cancel_at_period_end: bool
    canceled_at: datetime | None
    trial_start: datetime | None
    trial_end: datetime | None
    metadata: JSON | None
    created_at: datetime
    updated_at: datetime


OWN = Listing(subscriptions.Subscription, "user_id", Order("created_at", descending=True), 0)


@strawberry.type
class Query:
    subscriptions: Connection[BillingSubscription] = pages_of(
        of_viewer, OWN, "What the viewer pays for, newest first."
    )
