"""Invoices: what an organisation owes for one billing period.

There is one from the first event of a period on. While it is open, events of its organisation are
written under a shared lock of it; closing takes the lock for itself. So an event is either in the
sum or, later, in a period that is still open.
"""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING

from models import fields
from models.access import Owned
from models.accounts.audit_logs import AuditAction, audit
from models.accounts.orgs import Org, find_org
from models.base import Record
from models.billing.periods import after, checked_period, period_of
from models.errors import Conflict, Invalid, NotFound
from models.indexes import index, unique
from models.permissions import Permission
from models.verbs import verb
from models.viewer import SYSTEM

if TYPE_CHECKING:
    from datetime import datetime

    from models.transaction import Transaction
    from models.verbs import Actor

BATCH = 100


class InvoiceStatus(StrEnum):
    """How an invoice stands."""

    OPEN = "open"
    ISSUED = "issued"
    PAID = "paid"
    VOID = "void"


class Invoice(Record):
    """What an organisation used in one billing period, in US dollars."""

    prefix = "inv"
    access = Owned(read=Permission.BILLING)
    indexes = (
        index("owner_id", "billing_period", "id"),
        unique("org_id", "billing_period"),
        index("billing_period", "id", where="(status = 'open'::text)"),
    )

    owner_id: str = fields.key("Whose invoice it is: the organisation.")
    org_id: str = fields.key("Id of the organisation.")
    billing_period: str = fields.key("The month of UTC that it is for, such as `2026-01`.")
    amount: Decimal = fields.decimal("US dollars that it asks for; 0 while it is open.")
    status: InvoiceStatus = fields.choice(
        InvoiceStatus, "How it stands.", default=InvoiceStatus.OPEN
    )

    class Meta:
        table = "invoice"


_STATUS = "SELECT status FROM invoice WHERE org_id = $1 AND billing_period = $2 FOR SHARE"
_OF = "org_id = $1 AND billing_period = $2"
# Two that begin the same period at once would both insert its invoice.
_ONE_INVOICE = "SELECT pg_advisory_xact_lock(hashtext('punnet.invoice'), hashtext($1))"
_SPENT = """\
SELECT round(coalesce(sum(cost_usd), 0), 4) FROM usage_event
WHERE billing_period = $1 AND owner_id = $2"""


async def open_period(tx: Transaction, owner: str) -> str:
    """The period to charge an owner in now: the present one, or where that is closed the next one
    that is open, which it stays until the end of the transaction."""
    period = period_of(tx.now)
    if not owner.startswith(f"{Org.prefix}_"):
        return period
    while not await _is_open(tx, owner, period):
        period = after(period)
    return period


async def _is_open(tx: Transaction, org_id: str, period: str) -> bool:
    status = await tx.connection.fetchval(_STATUS, org_id, period)
    if status is None:
        status = (await _held(tx, org_id, period)).status
    return status == InvoiceStatus.OPEN


async def _held(tx: Transaction, org_id: str, period: str) -> Invoice:
    """The locked invoice of a period, made if there is none."""
    known = await tx.first(Invoice, _OF, org_id, period, lock=True)
    if known is None:
        await tx.connection.execute(_ONE_INVOICE, f"{org_id} {period}")
        known = await tx.first(Invoice, _OF, org_id, period, lock=True)
    new = Invoice(owner_id=org_id, org_id=org_id, billing_period=period, amount=Decimal(0))
    return known or await tx.add(new)


def _require_over(period: str, now: datetime) -> None:
    if checked_period(period) >= period_of(now):
        raise Conflict("This period is not over yet.", field="billingPeriod")


@verb.needing(Permission.OPERATE)
async def close_period(tx: Transaction, org_id: str, period: str) -> Invoice:
    """Issue an organisation's invoice for a period that is over; closed before, it is the same one.

    For operators. Raises NotFound, Invalid, and Conflict for a period that is not over.
    """
    tx.require(SYSTEM)
    await find_org(tx, org_id, field="orgId")
    return await issue_invoice(tx, org_id, period)


@verb.needing(None)
async def issue_invoice(tx: Transaction, org_id: str, period: str) -> Invoice:
    """The same for whoever holds the database: it asks for no right, so no viewer may call it."""
    _require_over(period, tx.now)
    invoice = await _held(tx, org_id, period)
    if invoice.status is not InvoiceStatus.OPEN:
        return invoice
    amount = await tx.connection.fetchval(_SPENT, period, org_id)
    await invoice.change(amount=amount, status=InvoiceStatus.ISSUED)
    told = {"billingPeriod": period, "amount": str(amount)}
    await audit(tx, AuditAction.PERIOD_CLOSED, invoice, **told)
    return invoice


_OPEN = f"""\
SELECT org_id FROM invoice WHERE billing_period = $1 AND status = 'open'
ORDER BY id LIMIT {BATCH}"""


async def orgs_to_close(actor: Actor, period: str) -> list[str]:
    """Some of the organisations whose invoice for a period that is over is still open.

    Raises Invalid and Conflict as issuing it does.
    """
    _require_over(period, actor.clock.now())
    return [row["org_id"] for row in await actor.database.fetch(_OPEN, period)]


@verb.needing(Permission.OPERATE)
async def settle_invoice(tx: Transaction, invoice_id: str, status: InvoiceStatus) -> Invoice:
    """Note that an issued invoice was paid, or is void, for good. For operators.

    Raises NotFound, Invalid for another status, and Conflict for an invoice that is not issued.
    """
    tx.require(SYSTEM)
    if status not in {InvoiceStatus.PAID, InvoiceStatus.VOID}:
        raise Invalid("An invoice is settled as PAID or VOID.", field="status")
    invoice = await tx.lock(Invoice, invoice_id)
    if invoice is None:
        raise NotFound("There is no such invoice.", field="id")
    if invoice.status is status:
        return invoice
    if invoice.status is not InvoiceStatus.ISSUED:
        raise Conflict(f"This invoice is {invoice.status}.", field="id")
    await invoice.change(status=status)
    await audit(tx, AuditAction.INVOICE_SETTLED, invoice, status=status)
    return invoice
