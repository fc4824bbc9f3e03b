"""Usage: the credits that a user has left."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from models import fields
from models.access import Owned
from models.base import Record
from models.billing.plans import PlanTier
from models.indexes import index, unique
from models.permissions import Permission


class Usage(Record):
    """The credits of one user, renewed as a whole when they expire."""

    prefix = "usg"
    access = Owned(read=Permission.BILLING)
    indexes = (unique("user_id"), index("expire"))

    owner_id: str = fields.key("Whose credits they are.")
    user_id: str = fields.key("Id of the user.")
    points: Decimal = fields.decimal("Credits left until they are renewed.")
    expire: datetime | None = fields.moment("When they are renewed.", null=True)
    plan_type: PlanTier | None = fields.choice(
        PlanTier, "The plan they were counted by.", null=True
    )

    class Meta:
        table = "usage"
