"""Webhook events: what outside services sent, each kept once."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from models import fields
from models.access import OperatorOnly
from models.base import Record
from models.indexes import index, unique


class WebhookEventStatus(StrEnum):
    """How far an event is."""

    RECEIVED = "received"
    PROCESSED = "processed"
    FAILED = "failed"
    RETRYING = "retrying"


class WebhookSource(StrEnum):
    """Who sent an event."""

    POLAR = "polar"
    IDENTITY = "identity"


class WebhookEvent(Record):
    """An event of an outside service, as it came."""

    prefix = "whe"
    access = OperatorOnly()
    indexes = (
        unique("event_id"),
        index("status"),
        index("event_type"),
        index("created_at", "id"),
        index("created_at", "id", where="(status = 'failed'::text)", label="failed"),
        index("try_at", where="(try_at IS NOT NULL)"),
    )

    source: WebhookSource = fields.choice(
        WebhookSource, "Who sent it.", default=WebhookSource.POLAR
    )
    event_id: str = fields.key("Its id at the sender, by which a repeated one is known.")
    event_type: str = fields.key("What happened, such as `subscription.created`.")
    status: WebhookEventStatus = fields.choice(
        WebhookEventStatus, "How far it is.", default=WebhookEventStatus.RECEIVED
    )
    payload: Any = fields.json("What was sent.")
    error: str | None = fields.text("What went wrong.", limit=20_000, null=True)
    processed_at: datetime | None = fields.moment("When it was processed.", null=True)
    retry_count: int = fields.integer("How often it was tried again.", default=0)
    try_at: datetime | None = fields.moment(
        "When it is to be tried; null once it is through.", null=True
    )

    class Meta:
        table = "webhook_event"
