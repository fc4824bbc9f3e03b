"""Subscriptions: what users pay for, as the provider tells it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, cast

from models import fields, statements
from models.access import Owned
from models.accounts.users import User
from models.base import Record
from models.billing.plans import PlanTier
from models.indexes import index, unique
from models.permissions import Permission

if TYPE_CHECKING:
    from models.ports import Connection, Database
    from models.transaction import Transaction
    from models.verbs import Actor

FEATURES = "features"
"""The key of a subscription's metadata that lists features: names, or one text with commas."""

_LIVE = """\
user_id = $1 AND (lapses_at IS NULL OR lapses_at > $2) AND (status IN ('active', 'trialing')
    OR status = 'past_due' AND current_period_end > $2)"""


class SubscriptionProvider(StrEnum):
    """Who keeps a subscription."""

    POLAR = "polar"
    MANUAL = "manual"


class SubscriptionStatus(StrEnum):
    """How a subscription stands."""

    ACTIVE = "active"
    PAST_DUE = "past_due"
    CANCELED = "canceled"
    UNPAID = "unpaid"
    TRIALING = "trialing"


class BillingInterval(StrEnum):
    """How often a subscription is paid."""

    MONTHLY = "monthly"
    YEARLY = "yearly"


class Subscription(Record):
    """What one user pays for."""

    prefix = "sub"
    access = Owned(read=Permission.BILLING)
    indexes = (
        index("user_id", "created_at", "id"),
        unique("polar_subscription_id"),
        index("customer_id"),
        index("status"),
        index("lapses_at", where="(lapses_at IS NOT NULL)"),
        index(
            "user_id",
            where="((provider = 'manual'::text) AND (status = 'active'::text))",
            label="given",
        ),
    )

    owner_id: str = fields.key("Whose subscription it is.")
    user_id: str = fields.key("Id of the user.")
    provider: SubscriptionProvider = fields.choice(
        SubscriptionProvider, "Who keeps it.", default=SubscriptionProvider.MANUAL
    )
    plan_tier: PlanTier = fields.choice(PlanTier, "The plan it pays for.")
    polar_subscription_id: str | None = fields.key("Its id at Polar.", null=True)
    customer_id: str | None = fields.key("The provider's id of the customer.", null=True)
    product_id: str | None = fields.key("The provider's id of the product.", null=True)
    price_id: str | None = fields.key("The provider's id of the price.", null=True)
    status: SubscriptionStatus = fields.choice(
        SubscriptionStatus, "How it stands.", default=SubscriptionStatus.TRIALING
    )
    interval: BillingInterval | None = fields.choice(
        BillingInterval, "How often it is paid.", null=True
    )
    current_period_start: datetime | None = fields.moment("When the paid time began.", null=True)
    current_period_end: datetime | None = fields.moment("When the paid time ends.", null=True)
    cancel_at_period_end: bool = fields.flag("Whether it ends with the paid time.", default=False)
    canceled_at: datetime | None = fields.moment("When it was canceled.", null=True)
    trial_start: datetime | None = fields.moment("When the trial began.", null=True)
    trial_end: datetime | None = fields.moment("When the trial ends.", null=True)
    metadata: Any = fields.json("What the provider tells beside it.", null=True)
    provider_at: datetime | None = fields.moment(
        "When the provider last changed what is told here.", null=True
    )
    lapses_at: datetime | None = fields.moment(
        "When it stops to count unless somebody tells more of it.", null=True
    )

    class Meta:
        table = "subscription"

    @property
    def features(self) -> set[str]:
        """The features that its metadata lists."""
        kept: Any = self.metadata
        told = cast("Any", kept).get(FEATURES) if isinstance(kept, dict) else None
        names: Any = told.split(",") if isinstance(told, str) else told
        found = cast("list[Any]", names) if isinstance(names, list) else []
        return {name.strip() for name in found if isinstance(name, str)} - {""}


@dataclass(frozen=True, slots=True)
class Plan:
    """What a user's live subscriptions give together."""

    tier: PlanTier
    features: list[str]


PLANS = f"ARRAY (SELECT plan_tier FROM subscription WHERE {_LIVE})"
"""The plans that live subscriptions of the user $1 pay for at the time $2."""


async def plan_of(tx: Transaction, user_id: str) -> PlanTier:
    """The best plan that a user's live subscriptions pay for.

    Active and trialing ones count, those past due until their period ends, none after `lapses_at`.
    """
    return await plan_at(tx.connection, user_id, tx.now)


async def plan_at(database: Database | Connection, user_id: str, now: datetime) -> PlanTier:
    """The same outside a transaction."""
    rows = await database.fetch(f"SELECT {PLANS} AS plans", user_id, now)
    return best_of(rows[0]["plans"])


def best_of(plans: Iterable[str]) -> PlanTier:
    """The best of some plans; free is for everybody."""
    found = (PlanTier(plan) for plan in plans)
    return max(found, key=list(PlanTier).index, default=PlanTier.FREE)


async def plan_for(actor: Actor) -> Plan | None:
    """The viewer's own plan with its features; None for nobody. Raises Forbidden for a script that
    may not see it."""
    viewer = actor.viewer
    if viewer.user_id is None:
        return None
    viewer.require(Permission.BILLING, viewer.user_id)
    sql = statements.select(Subscription, _LIVE)
    found = await actor.database.fetch(sql, viewer.user_id, actor.clock.now())
    live = [Subscription.from_row(row) for row in found]
    tier = best_of(one.plan_tier for one in live)
    return Plan(tier, sorted({name for one in live for name in one.features}))


async def follow_plan(tx: Transaction, user_id: str) -> None:
    """Have a user be premium while a subscription pays for a plan.

    What was granted or imported without one stays.
    """
    user = await tx.lock(User, user_id)
    assert user is not None, "a subscription has a user"
    pays = await plan_of(tx, user_id) is not PlanTier.FREE
    if pays and not user.premium:
        await user.change(premium=True, premium_by_plan=True)
    elif not pays and user.premium_by_plan:
        await user.change(premium=False, premium_by_plan=False)
