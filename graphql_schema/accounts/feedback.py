"""Feedback in the API: everybody sends it, operators read it."""

from __future__ import annotations

from datetime import datetime

import strawberry

from graphql_schema.core.connection import Connection
from graphql_schema.core.context import context_of
from graphql_schema.core.entries import of_viewer, pages_of
from graphql_schema.core.mutations import acting, given, key_field, mutation
from graphql_schema.core.node import Node
from graphql_schema.core.record_type import record_type
from models.accounts import feedback
from models.reading import Listing, Order


@record_type(feedback.Feedback)
class Feedback(Node):
    user_id: strawberry.ID
    message: str
    created_at: datetime
    updated_at: datetime


ALL = Listing(feedback.Feedback, None, Order("created_at", descending=True), 0)


@strawberry.input(description="What to tell those who run the product.")
class SendFeedbackInput:
    message: str = given("What to say, at most 10,000 characters.")
    idempotency_key: str | None = key_field()


@strawberry.type(description="That it was sent.")
class SendFeedbackPayload:
    sent: bool = strawberry.field(description="True.")


@strawberry.type
class Query:
    feedback: Connection[Feedback] = pages_of(
        of_viewer, ALL, "What users say of the product, newest first; for operators."
    )


@strawberry.type
class Mutation:
    @mutation("Tell those who run the product something. Guests may, too.")
    async def send_feedback(
        self, info: strawberry.Info, input: SendFeedbackInput
    ) -> SendFeedbackPayload:
        once = acting(info, input).once
        await feedback.send(context_of(info).desk(), input.message, once)
        return SendFeedbackPayload(sent=True)
