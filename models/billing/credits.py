"""Credits: what an answer costs is held when it is asked for, and spent or given back at its end.

Whoever sends pays, by their own plan. All of it changes with the row of the user's credits locked,
in the transaction of what it pays for. An answer that outlives the window it was asked for in does
not touch the next one: only the ledger tells of its end.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from models.accounts.audit_logs import AuditAction, audit
from models.billing.budgets import count_in_budgets, give_back_to_budgets
from models.billing.credit_ledger import CreditEntry, CreditEvent, entry_of
from models.billing.credit_reservations import CreditReservation, ReservationState
from models.billing.subscriptions import PLANS, best_of, plan_of
from models.billing.usage import Usage, id_of_usage
from models.billing.windows import Window, window_of
from models.crediting import NOTHING
from models.errors import NotFound, OutOfCredits
from models.permissions import Permission
from models.statements import listed
from models.verbs import verb
from models.viewer import SYSTEM

if TYPE_CHECKING:
    from models.billing.plans import PlanTier
    from models.crediting import CreditRules
    from models.ports import AdmissionRequest
    from models.transaction import Transaction

_BUDGETED = "public.budgeted({})"  # with no budget being made until the transaction's end
# One statement, since every message waits for it.
_ACCOUNT = f"""\
SELECT {{columns}}, {PLANS} AS plans,
    {_BUDGETED.format("$3")} AS budgeted
FROM usage t WHERE t.user_id = $1 FOR NO KEY UPDATE OF t"""


async def reserve_credits(tx: Transaction, request: AdmissionRequest) -> None:
    """Hold what the answers to a message cost. Guests have no credits, but daily limits.

    Raises OutOfCredits and OverBudget.
    """
    rules = tx.actor.credits
    if rules is None or tx.actor.viewer.anonymous:
        return
    payer = tx.actor.viewer.id
    org = request.owner_id if request.owner_id.startswith("org_") else None
    reservations = [
        CreditReservation(owner_id=payer, org_id=org, subject_id=id, model=model.id, cost=cost)
        for id, model in request.paid.items()
        if (cost := rules.cost_of(model))
    ]
    if reservations:
        await _reserve(tx, rules, reservations)


async def close_reservation(tx: Transaction, subject_id: str, *, spent: bool) -> None:
    """Spend what is held for an answer that has ended, or give it back; once only."""
    reservation = await tx.first(CreditReservation, "subject_id = $1", subject_id, lock=True)
    if reservation is None or reservation.state is not ReservationState.OPEN:
        return
    usage, cost = await _locked(tx, reservation.owner_id), reservation.cost
    runs = usage is not None and usage.window_number == reservation.window_number
    event = CreditEvent.SETTLED if spent else CreditEvent.RELEASED
    # Of a window that is over nobody has anything back.
    to, by = ("spent", cost) if spent else ("points", cost) if runs else ("granted", -cost)
    moved = {"reserved": -cost, to: by}
    await reservation.change(state=ReservationState(event.value))
    if usage is not None and runs:
        await usage.change(**{name: getattr(usage, name) + more for name, more in moved.items()})
    await tx.add(entry_of(reservation, event, **moved))
    if not spent:
        await give_back_to_budgets(tx, reservation)


@verb.needing(Permission.OPERATE)
async def reset_credits(tx: Transaction, user_id: str) -> Usage:
    """End a user's window, so that their next use begins another. For operators.

    What is still being written belongs to the old one. Raises NotFound for who has used none.
    """
    tx.require(SYSTEM)
    usage = await _locked(tx, user_id)
    if usage is None:
        raise NotFound("There is no such user, or they have used no credits.", field="userId")
    await audit(tx, AuditAction.CREDITS_RESET, usage, points=str(usage.points))
    if usage.points:
        await tx.add(_lapse(usage, CreditEvent.RESET))
    await usage.change(
        window_number=usage.window_number + 1,
        **dict.fromkeys(("granted", "points", "reserved", "spent"), NOTHING),
        expire=None,
    )
    return usage


async def _locked(tx: Transaction, user_id: str) -> Usage | None:
    return await tx.first(Usage, "user_id = $1", user_id, lock=True)


async def _reserve(
    tx: Transaction, rules: CreditRules, reservations: Sequence[CreditReservation]
) -> None:
    """Take reservations of one payer from the window that runs, which may begin with them."""
    first, total = reservations[0], sum((one.cost for one in reservations), NOTHING)
    payer = first.owner_id
    usage, plan, budgeted = await _account(tx, payer, first.org_id)
    window = window_of(usage, rules, plan, tx.now)
    if not window.allows(total):
        raise _refusal(tx, window, total)
    if budgeted:
        await count_in_budgets(tx, payer, first.org_id, total)
    taken = window.reserving(total, tx.now + rules.window)
    for one in reservations:
        one.window_number = taken.number
    opened = [
        entry_of(one, CreditEvent.RESERVED, points=-one.cost, reserved=one.cost)
        for one in reservations
    ]
    await tx.add_many([*reservations, *_grants(usage, taken, first.subject_id), *opened])
    await usage.change(**taken.columns())


async def _account(tx: Transaction, payer: str, org_id: str | None) -> tuple[Usage, PlanTier, bool]:
    """A payer's locked row, made if there is none, their plan, and whether a budget counts."""
    sql = _ACCOUNT.format(columns=listed(Usage))
    owners = [payer, org_id]
    row = await tx.connection.fetchrow(sql, payer, tx.now, owners)
    if row is not None:
        usage = tx.hold(Usage, {name: row[name] for name in Usage.columns()}, locked=True)
        return usage, best_of(row["plans"]), row["budgeted"]
    usage = Usage(id=id_of_usage(payer), owner_id=payer, user_id=payer, points=NOTHING)
    budgeted = await tx.connection.fetchval(f"SELECT {_BUDGETED.format('$1')}", owners)
    return await tx.add(usage), await plan_of(tx, payer), budgeted


def _grants(usage: Usage, window: Window, subject_id: str) -> Iterator[CreditEntry]:
    """What the ledger tells of the credits that a window has and the user's row has not yet."""
    begins = window.number != usage.window_number
    if begins and usage.points:
        yield _lapse(usage, CreditEvent.LAPSED)
    more = window.granted - (NOTHING if begins else usage.granted)
    if more:
        yield CreditEntry(
            owner_id=usage.owner_id,
            event=CreditEvent.GRANTED,
            event_key=f"granted {subject_id}",
            window_number=window.number,
            granted=more,
            points=more,
        )


def _lapse(usage: Usage, event: CreditEvent) -> CreditEntry:
    """What is left of a window goes with it."""
    return CreditEntry(
        owner_id=usage.owner_id,
        event=event,
        event_key=f"lapsed {usage.id} {usage.window_number}",
        window_number=usage.window_number,
        granted=-usage.points,
        points=-usage.points,
    )


def _refusal(tx: Transaction, window: Window, cost: Decimal) -> OutOfCredits:
    """Why so much can't be reserved, and when it can be."""
    limit, left, expire = window.limit or NOTHING, window.points, window.expire
    if expire is None or cost > limit:
        why = f"It costs {_shown(cost)} credits, and your plan has no more than {_shown(limit)}."
        return OutOfCredits(why, cost=cost, limit=limit, remaining=left)
    minutes = -((tx.now - expire) // timedelta(minutes=1))
    why = f"It costs {_shown(cost)} credits, and {_shown(left)} of {_shown(limit)} are left."
    return OutOfCredits(
        f"{why} They reset in {minutes} minutes.",
        cost=cost,
        limit=limit,
        remaining=left,
        resets_at=expire,
        retry_after=(expire - tx.now).total_seconds(),
    )


def _shown(number: Decimal) -> str:
    return f"{number.normalize():f}"
