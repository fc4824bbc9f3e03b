"""Subscriptions in the API, where `Subscription` is the type of what can be heard of."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime

import strawberry

from graphql_schema.core.connection import Connection
from graphql_schema.core.context import context_of
from graphql_schema.core.entries import of_viewer, pages_of
from graphql_schema.core.enums import describe
from graphql_schema.core.hearing import AfterCursor, Topic, hear, reach_root
from graphql_schema.core.node import Node
from graphql_schema.core.record_type import record_type
from graphql_schema.core.scalars import JSON
from models.accounts.users import User
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
    provider_at: datetime | None
    lapses_at: datetime | None
    created_at: datetime
    updated_at: datetime


OWN = Listing(subscriptions.Subscription, "user_id", Order("created_at", descending=True), 0)


@strawberry.type(
    description="A subscription of the viewer's that was added, changed or removed, or a bare "
    "cursor."
)
class SubscriptionChanged:
    node: BillingSubscription | None = strawberry.field(description="The subscription as it is.")
    deleted_id: strawberry.ID | None = strawberry.field(
        description="The id of a subscription that is gone."
    )
    cursor: str = strawberry.field(description="Where to go on after a break.")
    reset: bool = strawberry.field(
        description="True when changes may have been missed: query the list again."
    )


@strawberry.type
class Query:
    subscriptions: Connection[BillingSubscription] = pages_of(
        of_viewer, OWN, "What the viewer pays for, newest first."
    )


@strawberry.type
class Subscription:
    @strawberry.subscription(description="What the viewer pays for, as it changes.")
    async def subscription_changed(
        self, info: strawberry.Info, after: AfterCursor = None
    ) -> AsyncIterator[SubscriptionChanged]:
        context = context_of(info)
        root = await reach_root(context, User, context.viewer.id, "of")
        topic = Topic(subscriptions.Subscription, "user_id", root)
        async for event in hear(context, topic, after):
            yield event  # type: ignore[misc]
