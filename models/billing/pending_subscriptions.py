"""Pending subscriptions: those that were paid for before their user was known here."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from models import fields
from models.access import OperatorOnly
from models.base import Record
from models.billing.plans import PlanTier
from models.indexes import index


class PendingSubscriptionStatus(StrEnum):
    """Whether a pending subscription found its user."""

    PENDING = "pending"
    RESOLVED = "resolved"
    FAILED = "failed"


class PendingSubscription(Record):
    """A subscription that waits for its user to sign up."""

    prefix = "psb"
    access = OperatorOnly()
    indexes = (
        index("polar_subscription_id"),
        index("customer_id"),
        index("status"),
        index("external_id", where="(status = 'pending'::text)"),
        index("created_at", "id"),
    )

    polar_subscription_id: str = fields.key("The subscription's id at Polar.")
    customer_id: str = fields.key("The customer's id at Polar.")
    external_id: str | None = fields.key(
        "What the customer is called by whoever sent them to Polar.", null=True
    )
    plan_tier: PlanTier = fields.choice(PlanTier, "The plan it pays for.", default=PlanTier.FREE)
    event_data: Any = fields.json("What Polar told of the subscription.")
    status: PendingSubscriptionStatus = fields.choice(
        PendingSubscriptionStatus,
        "Whether it found its user.",
        default=PendingSubscriptionStatus.PENDING,
    )
    resolved_user_id: str | None = fields.key("Id of the user it was given to.", null=True)
    error: str | None = fields.text("What went wrong.", limit=20_000, null=True)
    resolved_at: datetime | None = fields.moment("When it was given to its user.", null=True)

    class Meta:
        table = "pending_subscription"
