"""Polar's webhook events: stored first, then gone through in a transaction of their own.

So a crash in between loses nothing: what is due is found again, tried with longer and longer
pauses, and in the end left to an operator.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any, cast

from models.accounts.audit_logs import AuditAction, audit
from models.accounts.webhook_events import WebhookEvent, WebhookEventStatus, WebhookSource
from models.billing.customers import Unsettled
from models.billing.settling import settle, settle_customer
from models.billing.telling import customer_in, payer_in
from models.errors import Conflict, Invalid
from models.permissions import Permission
from models.verbs import verb
from models.viewer import SYSTEM

if TYPE_CHECKING:
    from datetime import datetime

    from models.billing.plans import Terms
    from models.ports import Database
    from models.transaction import Transaction

TRIES = 8
FIRST_PAUSE = timedelta(seconds=10)  # doubles with each try
BATCH = 20

SUBSCRIPTIONS = frozenset(
    f"subscription.{what}"
    for what in (
        *("created", "updated", "active", "canceled", "revoked", "uncanceled"),
        *("cycled", "migrated", "past_due", "paused", "resumed"),
    )
)
ORDERS = frozenset({"order.created", "order.paid", "order.updated"})
CUSTOMERS = frozenset({"customer.created", "customer.updated", "customer.state_changed"})
IGNORED = frozenset(
    {
        *("benefit", "benefit_grant", "checkout", "customer", "customer_seat", "discount"),
        *("member", "order", "organization", "product", "refund"),
    }
)
"""What else Polar tells of, by the word before the dot.

A checkout names whom it was opened for, and a customer whom Polar took by an e-mail address that
somebody entered: these may be two.
"""

_DUE = f"SELECT t.id FROM webhook_event t WHERE t.try_at <= $1 ORDER BY t.try_at LIMIT {BATCH}"


@verb.needing(None)
async def receive_polar_event(
    tx: Transaction, event_id: str, event_type: str, payload: Mapping[str, Any]
) -> str | None:
    """Store an event whose signature was checked; its row's id, or None if it came before."""
    if await tx.first(WebhookEvent, "event_id = $1", event_id) is not None:
        return None
    row = WebhookEvent(
        source=WebhookSource.POLAR,
        event_id=event_id,
        event_type=event_type,
        payload=payload,
        try_at=tx.now,
    )
    return (await tx.add(row)).id


@verb.needing(None)
async def process_event(tx: Transaction, id: str, terms: Terms) -> WebhookEventStatus | None:
    """Do what a stored event asks for, unless it is done; how it went."""
    row = await tx.lock(WebhookEvent, id)
    if row is None or row.try_at is None:
        return None
    return await _go_through(tx, row, terms)


@verb.needing(None)
async def put_off_event(tx: Transaction, id: str, error: str) -> None:
    """Note that an event could not be gone through now, and when to try again, if at all."""
    row = await tx.lock(WebhookEvent, id)
    if row is None or row.try_at is None:
        return
    if row.retry_count + 1 >= TRIES:
        failed = {"status": WebhookEventStatus.FAILED, "processed_at": tx.now, "try_at": None}
        await row.change(error=error, **failed)
        return
    await row.change(
        status=WebhookEventStatus.RETRYING,
        retry_count=row.retry_count + 1,
        try_at=tx.now + FIRST_PAUSE * 2**row.retry_count,
        error=error,
    )


@verb.needing(Permission.OPERATE)
async def replay_event(tx: Transaction, id: str, terms: Terms) -> WebhookEvent:
    """Go through an event again, however it went. Raises Conflict for what is not Polar's."""
    tx.require(SYSTEM)
    row = await tx.reach(WebhookEvent, id, field="id")
    if row.source is not WebhookSource.POLAR:
        raise Conflict("Only what Polar sent can be replayed.")
    await row.change(retry_count=row.retry_count + 1)
    status = await _go_through(tx, row, terms)
    await audit(tx, AuditAction.WEBHOOK_REPLAYED, row, status=status)
    return row


async def due_events(database: Database, now: datetime) -> list[str]:
    """The ids of some events that are to be gone through by now."""
    return [row["id"] for row in await database.fetch(_DUE, now)]


async def _go_through(tx: Transaction, row: WebhookEvent, terms: Terms) -> WebhookEventStatus:
    try:
        problem = await _act(tx, row, terms)
    except (Invalid, Unsettled) as refused:  # before anything was written
        problem = str(refused)
    status = WebhookEventStatus.FAILED if problem else WebhookEventStatus.PROCESSED
    await row.change(status=status, error=problem, processed_at=tx.now, try_at=None)
    return status


async def _act(tx: Transaction, row: WebhookEvent, terms: Terms) -> str | None:
    """Do what an event asks for; what is wrong with it all the same. Raises Invalid, Unsettled."""
    kind, data = row.event_type, _data(row.payload)
    if kind in SUBSCRIPTIONS:
        # Payments that fail for good revoke as well, and leave the status `unpaid`.
        told = data | {"status": "revoked"} if kind == "subscription.revoked" else data
        return await settle(tx, told, terms)
    if kind in ORDERS:
        await settle_customer(tx, payer_in(data))
        return None
    if kind in CUSTOMERS:
        await settle_customer(tx, customer_in(data))
        return None
    return None if kind.partition(".")[0] in IGNORED else f"Unknown type: {kind}."


def _data(payload: Any) -> dict[str, Any]:
    data: Any = cast("Any", payload).get("data") if isinstance(payload, dict) else None
    if not isinstance(data, dict):
        raise Invalid("The event has no data.")
    return cast("dict[str, Any]", data)
