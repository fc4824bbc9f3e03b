"""Plans that an operator gives without payment, and what runs out with time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from models.accounts.audit_logs import AuditAction, audit
from models.accounts.guests import guest_claimed
from models.accounts.users import NO_SUCH_USER, User
from models.billing.plans import PlanTier
from models.billing.subscriptions import (
    FEATURES,
    Subscription,
    SubscriptionProvider,
    SubscriptionStatus,
    follow_plan,
)
from models.errors import Conflict, Invalid, NotFound
from models.permissions import Permission
from models.verbs import verb
from models.viewer import SYSTEM

if TYPE_CHECKING:
    from models.transaction import Transaction

BATCH = 100
FEATURES_AT_MOST = 100

_GIVEN = "user_id = $1 AND provider = 'manual' AND status = 'active'"
_LAPSED = f"lapses_at <= $1 ORDER BY lapses_at LIMIT {BATCH}"


@dataclass(frozen=True, slots=True)
class Grant:
    """A plan for a user, for good or until a time, with the names of features."""

    user_id: str
    plan_tier: PlanTier
    until: datetime | None = None
    features: list[str] | None = None


@verb.needing(Permission.OPERATE)
async def grant_subscription(tx: Transaction, grant: Grant) -> Subscription:
    """Give a user a plan, instead of one that was given before.

    Raises Invalid, and NotFound for nobody and for guests.
    """
    tx.require(SYSTEM)
    _check(grant, tx.now)
    user = await tx.lock(User, grant.user_id)
    if user is None or user.deleted_at is not None or user.anonymous:
        raise NotFound(NO_SUCH_USER, field="userId")
    row = await _given(tx, user, grant)
    await follow_plan(tx, user.id)
    await audit(tx, AuditAction.SUBSCRIPTION_GRANTED, row, plan=grant.plan_tier)
    return row


async def _given(tx: Transaction, user: User, grant: Grant) -> Subscription:
    columns = {
        "plan_tier": grant.plan_tier,
        "current_period_end": grant.until,
        "lapses_at": grant.until,
        "metadata": {FEATURES: grant.features} if grant.features else None,
    }
    before = await tx.first(Subscription, _GIVEN, user.id, lock=True)
    if before is not None:
        return await before.change(**columns)
    whose = {"owner_id": user.id, "user_id": user.id, "current_period_start": tx.now}
    return await tx.add(Subscription(status=SubscriptionStatus.ACTIVE, **whose, **columns))


def _check(grant: Grant, now: datetime) -> None:
    if grant.plan_tier is PlanTier.FREE:
        raise Invalid("Everybody has the free plan.", field="planTier")
    if grant.until is not None and grant.until <= now:
        raise Invalid("Must lie ahead.", field="until")
    if len(grant.features or []) > FEATURES_AT_MOST:
        raise Invalid(f"At most {FEATURES_AT_MOST}.", field="features")


@verb.needing(Permission.OPERATE)
async def end_subscription(tx: Transaction, id: str) -> Subscription:
    """Take back a plan that was given. Raises NotFound, and Conflict for one that is paid for."""
    tx.require(SYSTEM)
    row = await tx.lock(Subscription, id)
    if row is None:
        raise NotFound("There is no such subscription.", field="id")
    if row.provider is not SubscriptionProvider.MANUAL:
        raise Conflict("It is paid for at Polar, and ended there.")
    if row.status is not SubscriptionStatus.CANCELED:
        await _end(tx, row)
        await follow_plan(tx, row.user_id)
        await audit(tx, AuditAction.SUBSCRIPTION_ENDED, row, plan=row.plan_tier)
    return row


async def _end(tx: Transaction, row: Subscription) -> None:
    ended = {"canceled_at": row.canceled_at or tx.now, "lapses_at": None}
    await row.change(status=SubscriptionStatus.CANCELED, **ended)


async def _lapse(tx: Transaction, row: Subscription) -> None:
    """End what was to end; what was to go on is past due until more is told of it."""
    if row.provider is SubscriptionProvider.MANUAL or row.cancel_at_period_end:
        await _end(tx, row)
        return
    over = {"current_period_end": row.current_period_end and min(row.current_period_end, tx.now)}
    await row.change(status=SubscriptionStatus.PAST_DUE, lapses_at=None, **over)


@guest_claimed.attach
async def follow_claimed(tx: Transaction, _guest: User, user: User) -> None:
    """Have a user follow the subscriptions that were a guest's."""
    await follow_plan(tx, user.id)


@verb.needing(None)
async def lapse_subscriptions(tx: Transaction) -> None:
    """Have users follow the subscriptions whose time is over, a bounded number a call."""
    lapsed = await tx.find(Subscription, _LAPSED, tx.now, lock=True)
    for row in lapsed:
        await _lapse(tx, row)
    for user_id in sorted({row.user_id for row in lapsed}):
        await follow_plan(tx, user_id)
