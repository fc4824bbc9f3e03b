"""Budgets: what a user, or an organisation, wants to spend in a month at most, in credits.

A month is one of the calendar, in UTC. Reserved credits count with the spent ones. A budget counts
in the transaction of the reservation, with its row locked, so that nothing slips by at its edge.
Until there is a row to lock, whoever reserves holds an advisory lock of each owner with others
(`budgeted` in the database), and whoever makes a budget holds it alone.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from models import fields
from models.access import Owned
from models.accounts.audit_logs import AuditAction, audit
from models.accounts.mails import MailKind, post
from models.accounts.orgs import Org
from models.accounts.users import User
from models.base import Record
from models.billing.credit_reservations import CreditReservation
from models.crediting import NOTHING
from models.errors import Conflict, Invalid, OverBudget
from models.indexes import Check, unique
from models.permissions import Permission
from models.verbs import verb

if TYPE_CHECKING:
    from models.transaction import Transaction

_ALONE = "SELECT pg_advisory_xact_lock(hashtext('punnet.budget'), hashtext($1))"
_USED = """\
SELECT coalesce(sum(cost), 0) FROM credit_reservation
WHERE {column} = $1 AND created_at >= $2 AND state <> 'released'"""


class CreditBudget(Record):
    """What an owner wants to spend in a month."""

    prefix = "cbg"
    access = Owned(read=Permission.BILLING)
    indexes = (unique("owner_id"),)
    checks = (Check("credit_budget_used_check", "(used >= (0)::numeric)"),)

    owner_id: str = fields.key("Whose spending it bounds.")
    soft_limit: Decimal | None = fields.decimal(
        "Credits from which it warns, once a month.", null=True
    )
    hard_limit: Decimal | None = fields.decimal(
        "Credits above which nothing is sent any more.", null=True
    )
    month: datetime = fields.moment("When the month began that was counted last.")
    used: Decimal = fields.decimal("Credits reserved and spent in that month.", default=NOTHING)
    alerted_at: datetime | None = fields.moment("When it warned in that month.", null=True)

    class Meta:
        table = "credit_budget"

    def used_in(self, month: datetime) -> Decimal:
        """Credits reserved and spent in a month, if that is the one counted last; else 0."""
        return self.used if self.month == month else NOTHING

    def refuse(self, tx: Transaction, used: Decimal, cost: Decimal) -> None:
        """Raise OverBudget where `cost` more is above the hard limit.

        How much that is, only those are told who may set it.
        """
        limit = self.hard_limit
        if limit is None or used + cost <= limit:
            return
        ends = next_month(tx.now)
        known = tx.actor.viewer.holds(Permission.BILLING, self.owner_id)
        raise OverBudget(
            f"This would go over the budget of the month, which ends at {ends:%Y-%m-%d %H:%M} UTC.",
            cost=cost,
            limit=limit if known else None,
            remaining=max(NOTHING, limit - used) if known else None,
            resets_at=ends,
            retry_after=(ends - tx.now).total_seconds(),
        )

    async def count(self, tx: Transaction, cost: Decimal) -> None:
        """Count what is reserved. Raises OverBudget; warns at the soft limit."""
        month = month_of(tx.now)
        used, alerted = self.used_in(month), self.alerted_at if self.month == month else None
        self.refuse(tx, used, cost)
        if alerted is None and self.soft_limit is not None and used + cost >= self.soft_limit:
            alerted = tx.now
            await _warn(tx, self.owner_id)
        await self.change(month=month, used=used + cost, alerted_at=alerted)


def month_of(now: datetime) -> datetime:
    """When the month of a time began."""
    return now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def next_month(now: datetime) -> datetime:
    """When the next one begins."""
    begun = month_of(now)
    return begun.replace(year=begun.year + begun.month // 12, month=begun.month % 12 + 1)


@verb.needing(Permission.BILLING)
async def set_budget(
    tx: Transaction, org_id: str | None, soft_limit: Decimal | None, hard_limit: Decimal | None
) -> CreditBudget:
    """Say what the viewer, or an organisation, wants to spend in a month; without both limits it
    is only counted.

    What was spent of this month counts at once. Raises Invalid, and Conflict for a guest.
    """
    owner_id = tx.actor.viewer.id if org_id is None else org_id
    tx.require(owner_id, field="orgId")
    if tx.actor.viewer.anonymous:
        raise Conflict("Guests have no credits, and so no budget.")
    limits = {"soft_limit": soft_limit, "hard_limit": hard_limit}
    for name, limit in limits.items():
        if limit is not None and limit < 0:
            raise Invalid("Must not be negative.", field=fields.camel(name))
    if soft_limit is not None and hard_limit is not None and soft_limit > hard_limit:
        raise Invalid("Must not be below the soft limit.", field="hardLimit")
    budget = await _budget(tx, owner_id)
    await budget.change(**limits)
    soft, hard = (None if limit is None else str(limit) for limit in limits.values())
    await audit(tx, AuditAction.BUDGET_SET, budget, soft_limit=soft, hard_limit=hard)
    return budget


async def count_in_budgets(
    tx: Transaction, user_id: str, org_id: str | None, cost: Decimal
) -> None:
    """Count what is reserved in the budgets of the payer and of the organisation it is for.

    Raises OverBudget.
    """
    for budget in await _budgets(tx, user_id, org_id):
        await budget.count(tx, cost)


async def give_back_to_budgets(tx: Transaction, reservation: CreditReservation) -> None:
    """Count a reservation no more that has come to nothing in the month it was made in."""
    month = month_of(reservation.created_at)
    for budget in await _budgets(tx, reservation.owner_id, reservation.org_id):
        if budget.month == month:
            await budget.change(used=max(NOTHING, budget.used - reservation.cost))


async def _budgets(tx: Transaction, *owners: str | None) -> list[CreditBudget]:
    named = [owner for owner in owners if owner is not None]
    return await tx.find(CreditBudget, "owner_id = ANY($1) ORDER BY id", named, lock=True)


async def _budget(tx: Transaction, owner_id: str) -> CreditBudget:
    """The locked budget of an owner, made if there is none, and then of all that was sent."""
    known = await _budgets(tx, owner_id)
    if known:
        return known[0]
    await tx.connection.execute(_ALONE, owner_id)
    month = month_of(tx.now)
    column = "org_id" if owner_id.startswith("org_") else "owner_id"
    used = await tx.connection.fetchval(_USED.format(column=column), owner_id, month)
    return await tx.add(CreditBudget(owner_id=owner_id, month=month, used=used))


async def _warn(tx: Transaction, owner_id: str) -> None:
    """Write to the user, or to the one who answers for the organisation."""
    org = await tx.first(Org, "id = $1", owner_id)
    user = await tx.first(User, "id = $1", owner_id if org is None else org.owner_user_id)
    if user is not None and user.email is not None and user.email_verified:
        await post(tx, MailKind.BUDGET_WARNING, user.email, about=org.name if org else user.name)
