"""Webhook events in the API, for operators."""

from __future__ import annotations

from dataclasses import replace
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
from models.accounts import webhook_events
from models.accounts.webhook_events import WebhookEventStatus, WebhookSource
from models.reading import Listing, Order

describe(
    WebhookEventStatus,
    "How far a webhook event is.",
    RECEIVED="It came and waits.",
    PROCESSED="All it asks for is done.",
    FAILED="It went wrong for good.",
    RETRYING="It went wrong and is tried again.",
)
describe(
    WebhookSource,
    "Who sent a webhook event.",
    POLAR="The payment provider Polar.",
    IDENTITY="The identity provider.",
)


@record_type(webhook_events.WebhookEvent)
class WebhookEvent(Node):
    source: WebhookSource
    event_id: str
    event_type: str
    status: WebhookEventStatus
    payload: JSON
    error: str | None
    processed_at: datetime | None
    retry_count: int
    try_at: datetime | None
    created_at: datetime
    updated_at: datetime


ALL = Listing(webhook_events.WebhookEvent, None, Order("created_at", descending=True), 0)
FAILED = replace(ALL, where="t.status = 'failed'")


@strawberry.type
class Query:
    webhook_events: Connection[WebhookEvent] = pages_of(
        of_viewer, ALL, "What outside services sent, newest first; for operators."
    )
    failed_webhook_events: Connection[WebhookEvent] = pages_of(
        of_viewer, FAILED, "Those that went wrong for good, newest first; for operators."
    )
