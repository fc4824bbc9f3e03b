"""Webhook events in the API, for operators."""

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
from models.billing import webhook_events
from models.billing.webhook_events import WebhookEventStatus
from models.reading import Listing, Order

describe(
    WebhookEventStatus,
    "How far a webhook event is.",
    RECEIVED="It came and waits.",
    PROCESSED="All it asks for is done.",
    FAILED="It went wrong for good.",
    RETRYING="It went wrong and is tried again.",
)


@record_type(webhook_events.WebhookEvent)
class WebhookEvent(Node):
    event_id: str
    event_type: str
    status: WebhookEventStatus
    payload: JSON
    error: str | None
    processed_at: datetime | None
    retry_count: int
    created_at: datetime
    updated_at: datetime


ALL = Listing(webhook_events.WebhookEvent, None, Order("created_at", descending=True), 0)


@strawberry.type
class Query:
    @strawberry.field(description="What outside services sent, newest first; for operators.")
    async def webhook_events(
        self,
        info: strawberry.Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Connection[WebhookEvent]:
        context, window = context_of(info), Window(first, after, last, before)
        page: Any = await load_page(context, ALL, context.viewer.user_id, window)
        return page
