"""What operators do about plans, subscriptions and Polar's events."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import strawberry

from graphql_schema.core.context import context_of
from graphql_schema.core.mutations import acting, given, into, mutation
from models.billing import granting, paying, polar_events
from models.billing.plans import PlanTier
from models.permissions import Permission

if TYPE_CHECKING:
    from graphql_schema.accounts.webhook_events import WebhookEvent
    from graphql_schema.billing.pending_subscriptions import PendingSubscription


@strawberry.input(description="A plan to give without payment.")
class GrantSubscriptionInput:
    user_id: strawberry.ID = given("Whose.")
    plan_tier: PlanTier = given("The plan, other than FREE.")
    until: datetime | None = given("Until when; for good when left out.", default=None)
    features: list[str] | None = given("Features that come with it, 100 at most.", default=None)


@strawberry.input(description="A plan that was given, to take back.")
class EndSubscriptionInput:
    id: strawberry.ID = given("The subscription.")


@strawberry.input(description="A subscription to bring up to what Polar tells of it.")
class ReconcileSubscriptionInput:
    polar_subscription_id: str = given("Its id at Polar.")


@strawberry.input(description="Which user a customer at Polar is.")
class ResolvePendingSubscriptionInput:
    id: strawberry.ID = given("A pending subscription of the customer's.")
    user_id: strawberry.ID = given("The user.")


@strawberry.input(description="An event of Polar's to go through again.")
class ReplayWebhookEventInput:
    id: strawberry.ID = given("The event.")


@strawberry.type(description="What was given.")
class GrantSubscriptionPayload:
    subscription_id: strawberry.ID = strawberry.field(
        description="The subscription's id, which the user reads."
    )


@strawberry.type(description="What was taken back.")
class EndSubscriptionPayload:
    subscription_id: strawberry.ID = strawberry.field(description="The subscription's id.")


@strawberry.type(description="How it went.")
class ReconcileSubscriptionPayload:
    problem: str | None = strawberry.field(
        description="What is wrong with the subscription; null if nothing."
    )


@strawberry.type(description="The pending subscription as it is now.")
class ResolvePendingSubscriptionPayload:
    pending_subscription: PendingSubscription = strawberry.field(
        description="The pending subscription."
    )


@strawberry.type(description="The event as it is now.")
class ReplayWebhookEventPayload:
    webhook_event: WebhookEvent = strawberry.field(description="The event.")


@strawberry.type
class Mutation:
    @mutation(
        "Give a user a plan without payment, instead of one that was given before.",
        needs=Permission.OPERATE,
    )
    async def grant_subscription(
        self, info: strawberry.Info, input: GrantSubscriptionInput
    ) -> GrantSubscriptionPayload:
        grant = into(granting.Grant, input)
        row = await granting.grant_subscription(acting(info, input), grant)
        return GrantSubscriptionPayload(subscription_id=strawberry.ID(row.id))

    @mutation("Take back a plan that was given without payment.", needs=Permission.OPERATE)
    async def end_subscription(
        self, info: strawberry.Info, input: EndSubscriptionInput
    ) -> EndSubscriptionPayload:
        row = await granting.end_subscription(acting(info, input), input.id)
        return EndSubscriptionPayload(subscription_id=strawberry.ID(row.id))

    @mutation("Ask Polar how a subscription stands, and take that over.", needs=Permission.OPERATE)
    async def reconcile_subscription(
        self, info: strawberry.Info, input: ReconcileSubscriptionInput
    ) -> ReconcileSubscriptionPayload:
        asked = context_of(info).ports.payments, input.polar_subscription_id
        problem = await paying.reconcile(acting(info, input), *asked)
        return ReconcileSubscriptionPayload(problem=problem)

    @mutation(
        "Say which user a customer at Polar is; the user gets all that waits for that customer.",
        needs=Permission.OPERATE,
    )
    async def resolve_pending_subscription(
        self, info: strawberry.Info, input: ResolvePendingSubscriptionInput
    ) -> ResolvePendingSubscriptionPayload:
        row: Any = await paying.resolve_pending(acting(info, input), input.id, input.user_id)
        return ResolvePendingSubscriptionPayload(pending_subscription=row)

    @mutation("Go through an event of Polar's again.", needs=Permission.OPERATE)
    async def replay_webhook_event(
        self, info: strawberry.Info, input: ReplayWebhookEventInput
    ) -> ReplayWebhookEventPayload:
        terms = context_of(info).ports.payments.terms
        row: Any = await polar_events.replay_event(acting(info, input), input.id, terms)
        return ReplayWebhookEventPayload(webhook_event=row)
