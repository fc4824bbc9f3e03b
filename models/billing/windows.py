"""Windows: what a plan grants for a while, and how it is divided. Nothing here is written."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from models.crediting import NOTHING

if TYPE_CHECKING:
    from models.billing.plans import PlanTier
    from models.billing.usage import Usage
    from models.crediting import CreditRules


@dataclass(frozen=True, slots=True)
class Window:
    """The credits of a user from the first use until `expire`, which is None before that.

    `limit` is what the plan allows, None for any number. Granted is that much, but never less than
    what is held: so a better plan adds the difference at once, a lesser one takes away what is left
    at most, and changing plans back and forth gains nothing.
    """

    number: int
    expire: datetime | None
    plan: PlanTier
    limit: Decimal | None
    reserved: Decimal = NOTHING
    spent: Decimal = NOTHING

    @property
    def held(self) -> Decimal:
        """What is reserved and spent."""
        return self.reserved + self.spent

    @property
    def granted(self) -> Decimal:
        """Credits in all."""
        return self.held if self.limit is None else max(self.limit, self.held)

    @property
    def points(self) -> Decimal:
        """Credits that are left of the granted ones; 0 without a limit."""
        return self.granted - self.held

    def allows(self, cost: Decimal) -> bool:
        """Whether so much can be reserved."""
        return self.limit is None or cost <= self.points

    def reserving(self, cost: Decimal, expire: datetime) -> Window:
        """The same with more reserved; one that begins with it ends at `expire`."""
        return replace(self, reserved=self.reserved + cost, expire=self.expire or expire)

    def columns(self) -> dict[str, Any]:
        """What a user's row holds of it."""
        return {
            "window_number": self.number,
            "expire": self.expire,
            "plan_type": self.plan,
            "granted": self.granted,
            "points": self.points,
            "reserved": self.reserved,
            "spent": self.spent,
        }


def window_of(usage: Usage, rules: CreditRules, plan: PlanTier, now: datetime) -> Window:
    """The window of a user that runs by now, or the one that would begin."""
    limit = rules.allowances[plan]
    if usage.runs(now):
        held = usage.reserved, usage.spent
        return Window(usage.window_number, usage.expire, plan, limit, *held)
    return Window(usage.window_number + 1, None, plan, limit)
