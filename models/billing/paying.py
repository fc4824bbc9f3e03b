"""Paying: checkouts, the customer's page, ending and resuming, asking Polar how things stand.

Each act reads what it needs in one transaction, asks Polar with none open, and takes the answer
over in another. Should the second be lost, the webhook brings the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from models.accounts.action_limits import limited
from models.accounts.audit_logs import AuditAction, audit
from models.accounts.users import NO_SUCH_USER, User
from models.billing.customers import PolarCustomer, Unsettled, hold
from models.billing.payments import Order, Payments
from models.billing.pending_subscriptions import PendingSubscription, PendingSubscriptionStatus
from models.billing.settling import give, settle
from models.billing.subscriptions import Subscription, SubscriptionProvider, SubscriptionStatus
from models.errors import Conflict, Invalid, NotFound
from models.permissions import Permission
from models.verbs import verb
from models.viewer import SYSTEM

if TYPE_CHECKING:
    from models.billing.plans import Terms
    from models.transaction import Transaction
    from models.verbs import Actor

QUESTIONS = limited("payment", 30, hours=1)

_PAYING = """\
user_id = $1 AND provider = 'polar' AND plan_tier <> 'free'
AND status IN ('active', 'trialing', 'past_due') ORDER BY created_at, id"""
_NAMED = "polar_subscription_id = $1"
_CUSTOMERS = "user_id = $1 ORDER BY created_at DESC, id DESC LIMIT 20"


@dataclass(frozen=True, slots=True)
class Buyer:
    """A user with the customers they are at Polar, the newest first."""

    user_id: str
    email: str | None
    customers: list[str]
    pays: bool


async def open_checkout(actor: Actor, payments: Payments, order: Order) -> str:
    """The URL where the viewer pays for a product. Raises Invalid for one that is no plan,
    Conflict for who pays already, Unavailable."""
    if order.product_id not in payments.terms.plans:
        raise Invalid("There is no such product.", field="productId")
    buyer = await _viewer_as_buyer(actor)
    if buyer.pays:
        raise Conflict("There is a plan already; change it on the page of createCustomerPortal.")
    return await payments.checkout(buyer.user_id, buyer.email, order)


async def open_portal(actor: Actor, payments: Payments, return_url: str | None) -> str:
    """The URL of the viewer's page at Polar. Raises NotFound for no customer, Unavailable."""
    buyer = await _viewer_as_buyer(actor)
    if not buyer.customers:
        raise NotFound("You are not known to be a customer at Polar.")
    return await payments.portal(buyer.customers[0], return_url)


async def end_with_period(actor: Actor, payments: Payments, id: str, *, ends: bool) -> Subscription:
    """Have the viewer's subscription end with what is paid for, or go on after all.

    Raises NotFound, Conflict for one that Polar does not keep or that has ended, Unavailable.
    """
    row = await _asked_about(actor, id)
    if row.status is SubscriptionStatus.CANCELED:
        raise Conflict("It has ended.")
    data = await payments.cancel(row.polar_subscription_id or "", at_period_end=ends)
    await _take_over(actor, data, payments.terms)
    return await _kept_by_polar(actor, id)


async def ask_again(actor: Actor, payments: Payments, id: str | None) -> None:
    """Take over what Polar tells of the viewer's own subscriptions, or of one of them.

    Raises NotFound, Conflict for one that Polar does not keep, Unavailable.
    """
    if id is None:
        buyer = await _viewer_as_buyer(actor)
        told = await payments.subscriptions_of(buyer.user_id, buyer.customers)
    else:
        row = await _asked_about(actor, id)
        told = [await payments.subscription(row.polar_subscription_id or "")]
    for data in told:
        await _take_over(actor, data, payments.terms)


async def reconcile(actor: Actor, payments: Payments, polar_subscription_id: str) -> str | None:
    """Take over what Polar tells of one subscription, for operators; what is wrong, or None.

    What Polar told is audited, also where it is refused. Raises NotFound, Unavailable.
    """
    actor.viewer.require(Permission.OPERATE, SYSTEM)
    try:
        data = await payments.subscription(polar_subscription_id)
    except NotFound as unknown:
        raise NotFound(str(unknown), field="polarSubscriptionId") from unknown
    return await _reconcile(actor, data, payments.terms)


@verb.needing(Permission.ACCOUNT)
async def _viewer_as_buyer(tx: Transaction) -> Buyer:
    user = await tx.reach(User, tx.actor.viewer.id)
    await QUESTIONS.count(tx)
    customers = await tx.find(PolarCustomer, _CUSTOMERS, user.id)
    pays = await tx.first(Subscription, _PAYING, user.id)
    email = user.email if user.email_verified else None
    return Buyer(user.id, email, [one.polar_customer_id for one in customers], pays is not None)


@verb.needing(Permission.ACCOUNT)
async def _asked_about(tx: Transaction, id: str) -> Subscription:
    row = await _kept_by_polar(tx, id)
    await QUESTIONS.count(tx)
    return row


@verb.needing(Permission.ACCOUNT)
async def _kept_by_polar(tx: Transaction, id: str) -> Subscription:
    row = await tx.reach(Subscription, id, field="id")
    if row.provider is not SubscriptionProvider.POLAR or row.polar_subscription_id is None:
        raise Conflict("Nobody pays for it.")
    return row


@verb.needing(Permission.ACCOUNT)
async def _take_over(tx: Transaction, data: Mapping[str, Any], terms: Terms) -> None:
    tx.require(tx.actor.viewer.id)
    await _settled(tx, data, terms)


@verb.needing(Permission.OPERATE)
async def _reconcile(tx: Transaction, data: Mapping[str, Any], terms: Terms) -> str | None:
    tx.require(SYSTEM)
    try:
        problem = await settle(tx, data, terms)
    except (Invalid, Unsettled) as refused:  # before anything was written
        problem = str(refused)
    named: str = data["id"]
    row = await tx.first(Subscription, _NAMED, named)
    row = row or await tx.first(PendingSubscription, f"{_NAMED} ORDER BY created_at DESC", named)
    await audit(tx, AuditAction.SUBSCRIPTION_RECONCILED, row or named, problem=problem)
    return problem


async def _settled(tx: Transaction, data: Mapping[str, Any], terms: Terms) -> str | None:
    try:
        return await settle(tx, data, terms)
    except Unsettled as problem:
        raise Conflict(str(problem)) from problem


@verb.needing(Permission.OPERATE)
async def resolve_pending(tx: Transaction, id: str, user_id: str) -> PendingSubscription:
    """Say which user a customer is; they get all that waits for that very customer, nothing else.

    Raises NotFound, and Conflict for one that does not wait or a customer who is another user.
    """
    tx.require(SYSTEM)
    found = await tx.first(PendingSubscription, "id = $1", id)
    await hold(tx, found.customer_id if found else None)
    waiting = await tx.reach(PendingSubscription, id, field="id")
    if waiting.status is not PendingSubscriptionStatus.PENDING:
        raise Conflict("It does not wait any more.")
    user = await tx.lock(User, user_id)
    if user is None or user.deleted_at is not None or user.anonymous:
        raise NotFound(NO_SUCH_USER, field="userId")
    linked = await tx.first(PolarCustomer, "polar_customer_id = $1", waiting.customer_id)
    if linked is not None and linked.user_id != user.id:
        raise Conflict("The customer is another user.", field="userId")
    await give(tx, user, waiting.customer_id)
    await audit(tx, AuditAction.SUBSCRIPTION_RESOLVED, waiting, owner=user.id)
    return waiting
