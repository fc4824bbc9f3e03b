"""Usage: the credits that a user has left, and those that are held and used."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from models import fields
from models.access import Owned
from models.base import Record
from models.billing.plans import PlanTier
from models.crediting import NOTHING
from models.indexes import Check, index, unique
from models.permissions import Permission

BALANCED = "(granted = ((points + reserved) + spent))"


class Usage(Record):
    """The credits of one user, renewed as a whole when they expire."""

    prefix = "usg"
    access = Owned(read=Permission.BILLING)
    indexes = (unique("user_id"), index("expire"))
    checks = (
        Check("usage_balance_check", BALANCED),
        Check("usage_held_check", "((reserved >= (0)::numeric) AND (spent >= (0)::numeric))"),
    )

    owner_id: str = fields.key("Whose credits they are.")
    user_id: str = fields.key("Id of the user.")
    points: Decimal = fields.decimal("Credits left until they are renewed.")
    granted: Decimal = fields.decimal("Credits in all until then.", default=NOTHING)
    reserved: Decimal = fields.decimal(
        "Credits that are held for answers being written.", default=NOTHING
    )
    spent: Decimal = fields.decimal("Credits that answers have cost.", default=NOTHING)
    expire: datetime | None = fields.moment("When they are renewed.", null=True)
    plan_type: PlanTier | None = fields.choice(
        PlanTier, "The plan they were counted by.", null=True
    )
    window_number: int = fields.integer("How often they were renewed.", default=0)

    class Meta:
        table = "usage"

    def runs(self, now: datetime) -> bool:
        """Whether they are not to be renewed yet."""
        return self.expire is not None and self.expire > now

    @property
    def held(self) -> Decimal:
        """What nobody can take back: the reserved and the spent."""
        return self.reserved + self.spent


def id_of_usage(user_id: str) -> str:
    """The id of a user's row, known before there is one."""
    return f"{Usage.prefix}{user_id.removeprefix('usr')}"
