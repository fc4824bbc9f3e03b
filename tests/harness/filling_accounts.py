"""What each owner of a filled database has beside projects, and what belongs to nobody."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from models.accounts.accounts import Account
from models.accounts.mails import Mail
from models.accounts.oauth_connections import OAuthConnection
from models.accounts.rate_limits import RateLimit
from models.accounts.sessions import Session
from models.accounts.verifications import Verification
from models.accounts.webhook_events import WebhookEvent
from models.billing.customers import PolarCustomer
from models.billing.pending_subscriptions import PendingSubscription
from models.billing.subscriptions import Subscription
from models.billing.usage import Usage
from models.builder.imports import Import

if TYPE_CHECKING:
    from datetime import datetime

    from tests.harness.filling import Filling

EACH = 3  # of what an owner may have several of


def add_account(filling: Filling, user: str, start: datetime) -> None:
    """Add credits, subscriptions and connections of a user, and as many rows of nobody's."""
    add_usage(filling, user, start)
    add_ways_in(filling, user, start)
    for provider in ("figma", "github"):
        filling.add(OAuthConnection, user, user_id=user, provider=provider, scope="read")
    for number in range(EACH):
        name = f"{user}-{number}"
        filling.add(PolarCustomer, user, user_id=user, polar_customer_id=f"customer-{name}")
        subscription = {"polar_subscription_id": f"sub-{name}", "customer_id": f"customer-{name}"}
        filling.add(Subscription, user, user_id=user, plan_tier="pro", **subscription)
        filling.add(PendingSubscription, user, event_data={}, **subscription)
        event = {"event_id": f"event-{name}", "event_type": "subscription.created"}
        filling.add(WebhookEvent, user, payload={}, **event)
        later = start + timedelta(days=36_500, hours=number)
        window = {"window_start": later, "window_ms": 60_000}
        filling.add(RateLimit, user, key=f"user_{name}", count=1, limit_count=5, **window)


def add_ways_in(filling: Filling, user: str, start: datetime) -> None:
    """Add accounts and sessions of a user, and as many verifications and mails."""
    ends = start + timedelta(days=30)
    for number in range(EACH):
        name = f"{user}-{number}"
        filling.add(Account, user, user_id=user, provider_id="google", account_id=name)
        times = {"rotated_at": start, "expires_at": ends, "last_active": start}
        filling.add(Session, user, user_id=user, token_hash=name, previous_hash=f"p{name}", **times)
        proof = {"identifier": "a@b.example", "purpose": "sign_up", "value_hash": name}
        filling.add(Verification, user, user_id=user, expires_at=ends, **proof)
        filling.add(Mail, user, kind="confirm_sign_up", recipient="a@b.example", due_at=ends)


def add_usage(filling: Filling, user: str, start: datetime) -> None:
    """Add a user's credits."""
    filling.add(Usage, user, user_id=user, points=Decimal("2.5"), expire=start, plan_type="free")


def add_imports(filling: Filling, user: str, project: str) -> None:
    """Add what a project took over."""
    what: dict[str, Any] = {"source_id": "s", "source_name": "Shop", "source_url": "https://x.dev"}
    for source in ("FIGMA", "GITHUB"):
        filling.add(Import, user, user_id=user, project_id=project, source=source, **what)
