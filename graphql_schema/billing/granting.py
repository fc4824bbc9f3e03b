"""Plans that operators give, in the API."""

from __future__ import annotations

from datetime import datetime

import strawberry

from graphql_schema.core.mutations import acting, given, into, mutation
from models.billing import granting
from models.billing.plans import PlanTier
from models.permissions import Permission


@strawberry.input(description="A plan to give without payment.")
class GrantSubscriptionInput:
    user_id: strawberry.ID = given("Whose.")
    plan_tier: PlanTier = given("The plan, other than FREE.")
    until: datetime | None = given("Until when; for good when left out.", default=None)
    features: list[str] | None = given("Features that come with it, 100 at most.", default=None)


@strawberry.input(description="A plan that was given, to take back.")
class EndSubscriptionInput:
    id: strawberry.ID = given("The subscription.")


@strawberry.type(description="What was given.")
class GrantSubscriptionPayload:
    subscription_id: strawberry.ID = strawberry.field(
        description="The subscription's id, which the user reads."
    )


@strawberry.type(description="What was taken back.")
class EndSubscriptionPayload:
    subscription_id: strawberry.ID = strawberry.field(description="The subscription's id.")


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
