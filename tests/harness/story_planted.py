"""What the story's user has that no mutation writes yet: planted, changed, and read back."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from models.accounts.accounts import Account
from models.accounts.oauth_connections import OAuthConnection, OAuthProvider
from models.accounts.rate_limits import RateLimit
from models.accounts.sessions import Session
from models.accounts.users import User
from models.accounts.verifications import Purpose, Verification
from models.accounts.webhook_events import WebhookEvent, WebhookEventStatus
from models.base import Record
from models.billing.anonymous_usage import AnonymousUsage
from models.billing.customers import PolarCustomer
from models.billing.pending_subscriptions import PendingSubscription, PendingSubscriptionStatus
from models.billing.plans import PlanTier
from models.billing.subscriptions import (
    BillingInterval,
    Subscription,
    SubscriptionProvider,
    SubscriptionStatus,
)
from models.billing.usage import Usage
from models.fields import SecretColumn, camel
from tests.harness.planting import CIPHER, alter, make_operator, plant
from tests.harness.story import Story, told
from tests.harness.verbs import id_of

SECRETS = {
    "access_token": ("gho_access", "oauth_connection.access_token"),
    "refresh_token": ("gho_refresh", "oauth_connection.refresh_token"),
}

KEY = "sk-planted-key-of-the-story"


def day(number: int) -> datetime:
    """A day of its own for each time."""
    return datetime(2025, 3, number, 4, 5, 6, 789_000, tzinfo=UTC)


async def tell(story: Story, model: type[Record], start: dict[str, Any], **later: Any) -> str:
    """Plant a row, change it a minute later, and check all that it should hold then."""
    created = story.clock.advance(minutes=1)
    id = await plant(story.server, model, **start)
    updated = story.clock.advance(minutes=1)
    await alter(story.server, model, id, **later)
    given = {k: v for k, v in (start | later).items() if not _is_hidden(model, k)}
    shown = {_named(name): _shown(value) for name, value in given.items()}
    times = {"createdAt": told(created), "updatedAt": told(updated)}
    await story.book.check(model.__name__, id, id=id, **shown, **times)
    return id


def _is_hidden(model: type[Record], name: str) -> bool:
    return name in {"rotated_at", "owner_id"} or isinstance(model.column(name), SecretColumn)


def _named(name: str) -> str:
    return {"limit_count": "limit"}.get(name, camel(name))


def _shown(value: Any) -> Any:
    """A value as the API shows it."""
    if isinstance(value, StrEnum):
        return value.name
    if isinstance(value, datetime):
        return told(value)
    return float(value) if isinstance(value, Decimal) else value


async def tell_account(story: Story) -> None:
    """Credits, a subscription, a customer and a connection."""
    user = await id_of(story.caller)
    own = {"user_id": user}
    await tell(
        story,
        Usage,
        own | {"points": Decimal(5), "granted": Decimal(5)},
        points=Decimal("3.1250"),
        granted=Decimal("3.8750"),
        reserved=Decimal("0.2500"),
        spent=Decimal("0.5000"),
        expire=day(1),
        plan_type=PlanTier.UNLIMITED,
    )
    await tell(story, PolarCustomer, own | {"polar_customer_id": "pc"}, polar_customer_id="pc_7")
    await tell(
        story,
        Subscription,
        own | {"plan_tier": PlanTier.FREE},
        plan_tier=PlanTier.PRO,
        provider=SubscriptionProvider.POLAR,
        polar_subscription_id="ps_1",
        customer_id="pc_1",
        product_id="prod_1",
        price_id="price_1",
        status=SubscriptionStatus.PAST_DUE,
        interval=BillingInterval.YEARLY,
        current_period_start=day(2),
        current_period_end=day(3),
        cancel_at_period_end=True,
        canceled_at=day(4),
        trial_start=day(5),
        trial_end=day(6),
        metadata={"features": ["teams"]},
    )
    sealed = {
        name: CIPHER.seal(text, owner=user, purpose=purpose)
        for name, (text, purpose) in SECRETS.items()
    }
    await tell(
        story,
        OAuthConnection,
        own | {"provider": OAuthProvider.GITHUB, "scope": ""},
        scope="repo",
        expires_at=day(7),
        metadata={"login": "ada"},
        **sealed,
    )


async def tell_user(story: Story) -> None:
    """The user, with what no mutation writes yet."""
    (row,) = await story.server.sql("SELECT * FROM user_account")
    user, moment = row["id"], story.clock.advance(minutes=1)
    changed = {
        "email": "user@example.com",
        "avatar_url": "https://files.example/user.png",
        "message_count": 5,
        "daily_message_count": 3,
        "daily_pro_message_count": 2,
    }
    flags = {"premium": True, "email_verified": True}
    times = {"daily_reset": day(20), "daily_pro_reset": day(21)}
    await alter(
        story.server, User, user, **{**changed, **flags, **times, "clerk_id": row["clerk_id"]}
    )
    shown = {camel(name): value for name, value in (changed | times).items()}
    shown = {name: _shown(value) for name, value in shown.items()}
    shown |= {"createdAt": told(row["created_at"]), "updatedAt": told(moment)}
    given = shown | {"id": user, "name": row["name"], "clerkId": row["clerk_id"]}
    await story.book.check("User", user, **given)
    for name, value in (("premium", True), ("emailVerified", True), ("anonymous", False)):
        await story.book.check("User", user, **{name: value})


async def tell_ways_in(story: Story) -> None:
    """A session and an account at a provider."""
    own = {"user_id": await id_of(story.caller)}
    times = {"expires_at": day(30), "rotated_at": day(29), "last_active": day(28)}
    await tell(
        story,
        Session,
        own | times | {"token_hash": "t"},
        ip_address="203.0.113.7",
        user_agent="curl/8",
        last_active=day(27),
    )
    await tell(
        story,
        Account,
        own | {"provider_id": "google", "account_id": "g_1"},
        scope="openid email",
    )


async def tell_user_key(story: Story) -> None:
    """A key of the user's own for a provider."""
    user = await id_of(story.caller)
    given = {"provider": "openai", "key": f"  {KEY}\n"}
    made, created = await story.do("setUserKey", "{ userKey { id } }", **given)
    id = made["userKey"]["id"]
    _, updated = await story.do("updateUserKey", "{ userKey { id } }", id=id, mode="FALLBACK")
    shown = {"userId": user, "provider": "openai", "mode": "FALLBACK", "maskedKey": "sk-p…tory"}
    await story.book.check("UserKey", id, **shown, createdAt=created, updatedAt=updated)


async def tell_operators(story: Story) -> None:
    """What belongs to nobody; the user runs the service from here on."""
    await make_operator(story.server, story.caller)
    await tell(
        story,
        Verification,
        {"identifier": "a@b.example", "purpose": Purpose.SIGN_UP, "expires_at": day(11)},
        expires_at=day(12),
    )
    await tell(
        story,
        RateLimit,
        {"key": "ip_1", "count": 1, "window_start": day(8), "limit_count": 30, "window_ms": 1},
        count=2,
        window_ms=60_000,
    )
    await tell(
        story,
        AnonymousUsage,
        {"anonymous_id": "ip_2"},
        daily_message_count=4,
        daily_reset=day(22),
    )
    await tell(
        story,
        WebhookEvent,
        {"event_id": "e_1", "event_type": "subscription.created", "payload": {"a": [1, None]}},
        status=WebhookEventStatus.RETRYING,
        error="No such user.",
        processed_at=day(9),
        retry_count=3,
    )
    await tell(
        story,
        PendingSubscription,
        {"polar_subscription_id": "ps_2", "customer_id": "pc_2", "event_data": {"b": "c"}},
        status=PendingSubscriptionStatus.RESOLVED,
        resolved_user_id="usr_1",
        error="Nobody came.",
        resolved_at=day(10),
    )
