"""Going through Polar's events again, in the API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import strawberry

from graphql_schema.core.context import context_of
from graphql_schema.core.mutations import acting, given, mutation
from models.billing import polar_events
from models.permissions import Permission

if TYPE_CHECKING:
    from graphql_schema.accounts.webhook_events import WebhookEvent


@strawberry.input(description="An event of Polar's to go through again.")
class ReplayWebhookEventInput:
    id: strawberry.ID = given("The event.")


@strawberry.type(description="The event as it is now.")
class ReplayWebhookEventPayload:
    webhook_event: WebhookEvent = strawberry.field(description="The event.")


@strawberry.type
class Mutation:
    @mutation("Go through an event of Polar's again.", needs=Permission.OPERATE)
    async def replay_webhook_event(
        self, info: strawberry.Info, input: ReplayWebhookEventInput
    ) -> ReplayWebhookEventPayload:
        terms = context_of(info).ports.payments.terms
        row: Any = await polar_events.replay_event(acting(info, input), input.id, terms)
        return ReplayWebhookEventPayload(webhook_event=row)
