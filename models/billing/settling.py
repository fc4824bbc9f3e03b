"""What Polar tells is laid over our rows: the newer over the older, and each customer's on the
user who is that very customer. What has no user yet waits for theirs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from models.accounts.users import User, user_met
from models.billing.customers import Unsettled, buyer, customer_user, hold, link
from models.billing.pending_subscriptions import PendingSubscription, PendingSubscriptionStatus
from models.billing.plans import PlanTier
from models.billing.subscriptions import (
    Subscription,
    SubscriptionProvider,
    SubscriptionStatus,
    follow_plan,
)
from models.billing.telling import lapse_of, subscription_in
from models.errors import Invalid

if TYPE_CHECKING:
    from datetime import datetime

    from models.billing.plans import Terms
    from models.billing.telling import Payer, ToldSubscription
    from models.transaction import Transaction

MOST = 100
"""Pending subscriptions of one customer that are given to their user at once."""

ENDS = frozenset({SubscriptionStatus.CANCELED, SubscriptionStatus.UNPAID})
"""What takes away, and so holds whoever the customer is said to be."""

_SUBSCRIPTION = "polar_subscription_id = $1"
_WAITING = "status = 'pending' AND {} = $1 ORDER BY created_at, id"
_OF_CUSTOMER = f"{_WAITING.format('customer_id')} LIMIT {MOST}"
_OF_EXTERNAL = f"{_WAITING.format('external_id')} LIMIT {MOST}"


async def settle(tx: Transaction, data: Mapping[str, Any], terms: Terms) -> str | None:
    """Take over a subscription in Polar's JSON; what is wrong with it all the same, or None.

    Raises Invalid or Unsettled, and then nothing was written.
    """
    told = subscription_in(data)
    await hold(tx, told.payer.customer_id, told.payer.external_id)
    known = await tx.first(Subscription, _SUBSCRIPTION, told.id, lock=True)
    try:
        customer = await customer_user(tx, told.payer)
        user = await _whose(tx, known, await buyer(tx, told.payer, customer, terms))
    except Unsettled as problem:
        if known is None or told.status not in ENDS:
            raise
        await _end(tx, known, told)
        return str(problem)
    plan = terms.plans.get(told.product_id, PlanTier.FREE)
    if user is None:
        await _keep_waiting(tx, told, plan, data)
    else:
        await lay_over(tx, known, user, told, plan)
    if customer is not None:
        await give(tx, customer, told.payer.customer_id)
    unknown = told.product_id not in terms.plans
    return f"The product {told.product_id} is no plan." if unknown else None


async def settle_customer(tx: Transaction, payer: Payer) -> None:
    """Link a customer to their user, who gets what waited for them. Raises Unsettled."""
    await hold(tx, payer.customer_id, payer.external_id)
    user = await customer_user(tx, payer)
    if user is not None:
        await give(tx, user, payer.customer_id)


async def give(tx: Transaction, user: User, customer_id: str) -> None:
    """Link a held customer to a locked user, who gets what waited for that very customer."""
    await link(tx, user, customer_id)
    for waiting in await tx.find(PendingSubscription, _OF_CUSTOMER, customer_id, lock=True):
        await _resolve(tx, waiting, user)


async def _whose(tx: Transaction, known: Subscription | None, user: User | None) -> User | None:
    """The user of a subscription, of which somebody may be said to be the buyer."""
    if user is None and known is not None:
        user = await tx.lock(User, known.user_id)
    if user is not None:
        _refuse_anothers(known, user)
    return user


def _refuse_anothers(known: Subscription | None, user: User) -> None:
    if known is not None and known.user_id != user.id:
        raise Unsettled("The subscription is another user's.")
    if user.deleted_at is not None:
        raise Unsettled("The subscription's user was erased.")


async def _resolve(tx: Transaction, waiting: PendingSubscription, user: User) -> None:
    try:
        told = subscription_in(waiting.event_data)
        known = await tx.first(Subscription, _SUBSCRIPTION, told.id, lock=True)
        _refuse_anothers(known, user)
    except (Invalid, Unsettled) as problem:
        await waiting.change(status=PendingSubscriptionStatus.FAILED, error=str(problem))
        return
    await lay_over(tx, known, user, told, waiting.plan_tier)
    await waiting.change(
        status=PendingSubscriptionStatus.RESOLVED,
        resolved_user_id=user.id,
        resolved_at=tx.now,
        error=None,
    )


async def _keep_waiting(
    tx: Transaction, told: ToldSubscription, plan: PlanTier, data: Mapping[str, Any]
) -> None:
    """Keep the newest that is told of a subscription until its user is known."""
    where = f"status = 'pending' AND {_SUBSCRIPTION}"
    waiting = await tx.first(PendingSubscription, where, told.id, lock=True)
    kept = {"event_data": data, "plan_tier": plan, "external_id": told.payer.external_id}
    if waiting is None:
        keys = {"polar_subscription_id": told.id, "customer_id": told.payer.customer_id}
        await tx.add(PendingSubscription(**keys, **kept))
        return
    if not _is_told_later(told, waiting.event_data):
        await waiting.change(**kept)


def _is_told_later(told: ToldSubscription, kept: Mapping[str, Any]) -> bool:
    """Whether what waits is newer; what was imported may be unreadable."""
    try:
        before = subscription_in(kept)
    except Invalid:
        return False
    return _is_late(told, before.provider_at, before.status)


def _is_late(told: ToldSubscription, at: datetime | None, status: SubscriptionStatus) -> bool:
    """Whether something newer is known: of the same time, what has ended stays ended."""
    if at is None or told.provider_at > at:
        return False
    ended = SubscriptionStatus.CANCELED
    return told.provider_at < at or (status is ended and told.status is not ended)


async def lay_over(
    tx: Transaction,
    known: Subscription | None,
    user: User,
    told: ToldSubscription,
    plan: PlanTier,
) -> None:
    """Write what is told unless something newer is known; the user's plan follows."""
    columns = _columns(known, told, plan)
    if known is None:
        owner = {"owner_id": user.id, "user_id": user.id, "polar_subscription_id": told.id}
        await tx.add(Subscription(provider=SubscriptionProvider.POLAR, **owner, **columns))
    elif not _is_late(told, known.provider_at, known.status):
        await known.change(**columns)
    await follow_plan(tx, user.id)


async def _end(tx: Transaction, known: Subscription, told: ToldSubscription) -> None:
    """Write that a known subscription ended, and nothing of whose it is said to be."""
    if not _is_late(told, known.provider_at, known.status):
        at = {"canceled_at": told.canceled_at, "provider_at": told.provider_at}
        await known.change(status=told.status, lapses_at=None, **at)
    await follow_plan(tx, known.user_id)


def _columns(known: Subscription | None, told: ToldSubscription, plan: PlanTier) -> dict[str, Any]:
    paid_until = _paid_until(known, told)
    return {
        "plan_tier": plan,
        "customer_id": told.payer.customer_id,
        "product_id": told.product_id,
        "price_id": told.price_id,
        "status": told.status,
        "interval": told.interval,
        "current_period_start": told.current_period_start,
        "current_period_end": paid_until,
        "cancel_at_period_end": told.cancel_at_period_end,
        "canceled_at": told.canceled_at,
        "trial_start": told.trial_start,
        "trial_end": told.trial_end,
        "metadata": told.metadata,
        "provider_at": told.provider_at,
        "lapses_at": lapse_of(told, paid_until),
    }


def _paid_until(known: Subscription | None, told: ToldSubscription) -> datetime | None:
    """When the paid time ends: Polar may move the period on before it charges for it."""
    ends = told.current_period_end
    if known is None or told.status is not SubscriptionStatus.PAST_DUE:
        return ends
    return min(filter(None, (known.current_period_end, ends)), default=None)


@user_met.attach
async def give_what_waited(tx: Transaction, user: User) -> None:
    """Give a subject who comes for the first time what they have paid for before."""
    if user.clerk_id is None:
        return
    await hold(tx, user.clerk_id)
    waiting = await tx.find(PendingSubscription, _OF_EXTERNAL, user.clerk_id)
    for customer_id in sorted({one.customer_id for one in waiting}):
        await give(tx, user, customer_id)
