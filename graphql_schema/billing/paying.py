"""Paying in the API: pages at Polar, and what becomes of one's own subscriptions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import strawberry

from graphql_schema.billing.plans import Plan
from graphql_schema.core.context import context_of
from graphql_schema.core.mutations import acting, given, into, mutation
from models.billing import paying
from models.billing.payments import Order
from models.billing.subscriptions import plan_for
from models.permissions import Permission

if TYPE_CHECKING:
    from graphql_schema.billing.pending_subscriptions import PendingSubscription
    from graphql_schema.billing.subscriptions import BillingSubscription


@strawberry.input(description="What to pay for.")
class CreateCheckoutInput:
    product_id: str = given("Polar's id of the product.")
    success_url: str | None = given(
        "The page to go on to once it is paid, of your front end; by default its start.",
        default=None,
    )
    return_url: str | None = given(
        "The page to go back to, of your front end; by default its start.", default=None
    )


@strawberry.input(description="Where one's own page at Polar leads back to.")
class CreateCustomerPortalInput:
    return_url: str | None = given(
        "The page to go back to, of your front end; by default its start.", default=None
    )


@strawberry.input(description="A subscription to end with what is paid for.")
class CancelSubscriptionInput:
    id: strawberry.ID = given("Which one.")


@strawberry.input(description="A subscription that is to go on after all.")
class ResumeSubscriptionInput:
    id: strawberry.ID = given("Which one.")


@strawberry.input(description="What to ask Polar for.")
class SyncSubscriptionInput:
    id: strawberry.ID | None = given("One subscription; all when left out.", default=None)


@strawberry.type(description="A checkout at Polar.")
class CreateCheckoutPayload:
    url: str = strawberry.field(description="Where to pay.")


@strawberry.type(description="The viewer's page at Polar.")
class CreateCustomerPortalPayload:
    url: str = strawberry.field(description="Where it is; it holds for about an hour.")


@strawberry.type(description="The subscription, which ends with its period.")
class CancelSubscriptionPayload:
    subscription: BillingSubscription = strawberry.field(description="The subscription.")


@strawberry.type(description="The subscription, which goes on.")
class ResumeSubscriptionPayload:
    subscription: BillingSubscription = strawberry.field(description="The subscription.")


@strawberry.type(description="What the viewer is on by now.")
class SyncSubscriptionPayload:
    plan: Plan = strawberry.field(description="The plan.")


@strawberry.input(description="A subscription to bring up to what Polar tells of it.")
class ReconcileSubscriptionInput:
    polar_subscription_id: str = given("Its id at Polar.")


@strawberry.input(description="Which user a customer at Polar is.")
class ResolvePendingSubscriptionInput:
    id: strawberry.ID = given("A pending subscription of the customer's.")
    user_id: strawberry.ID = given("The user.")


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


@strawberry.type
class Mutation:
    @mutation("Open a checkout at Polar for a product that is a plan.", needs=Permission.ACCOUNT)
    async def create_checkout(
        self, info: strawberry.Info, input: CreateCheckoutInput
    ) -> CreateCheckoutPayload:
        payments = context_of(info).ports.payments
        url = await paying.open_checkout(acting(info, input), payments, into(Order, input))
        return CreateCheckoutPayload(url=url)

    @mutation(
        "Open the viewer's own page at Polar, with invoices and cards.", needs=Permission.ACCOUNT
    )
    async def create_customer_portal(
        self, info: strawberry.Info, input: CreateCustomerPortalInput
    ) -> CreateCustomerPortalPayload:
        payments = context_of(info).ports.payments
        url = await paying.open_portal(acting(info, input), payments, input.return_url)
        return CreateCustomerPortalPayload(url=url)

    @mutation("End a subscription with what is paid for.", needs=Permission.ACCOUNT)
    async def cancel_subscription(
        self, info: strawberry.Info, input: CancelSubscriptionInput
    ) -> CancelSubscriptionPayload:
        asked = acting(info, input), context_of(info).ports.payments, input.id
        row: Any = await paying.end_with_period(*asked, ends=True)
        return CancelSubscriptionPayload(subscription=row)

    @mutation("Have a subscription that was to end go on after all.", needs=Permission.ACCOUNT)
    async def resume_subscription(
        self, info: strawberry.Info, input: ResumeSubscriptionInput
    ) -> ResumeSubscriptionPayload:
        asked = acting(info, input), context_of(info).ports.payments, input.id
        row: Any = await paying.end_with_period(*asked, ends=False)
        return ResumeSubscriptionPayload(subscription=row)

    @mutation(
        "Ask Polar how the viewer's own subscriptions stand, should a webhook have been lost.",
        needs=Permission.ACCOUNT,
    )
    async def sync_subscription(
        self, info: strawberry.Info, input: SyncSubscriptionInput
    ) -> SyncSubscriptionPayload:
        actor = acting(info, input)
        await paying.ask_again(actor, context_of(info).ports.payments, input.id)
        plan: Any = await plan_for(actor)
        return SyncSubscriptionPayload(plan=plan)

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
