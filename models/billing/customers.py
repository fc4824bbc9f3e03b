"""Customers: users as the payment provider Polar knows them."""

from __future__ import annotations

from models import fields
from models.access import Owned
from models.base import Record
from models.indexes import index, unique
from models.permissions import Permission


class PolarCustomer(Record):
    """The customer that a user is at Polar."""

    prefix = "pcu"
    access = Owned(read=Permission.BILLING)
    indexes = (index("user_id", "created_at", "id"), unique("polar_customer_id"))

    owner_id: str = fields.key("Whose customer record it is.")
    user_id: str = fields.key("Id of the user.")
    polar_customer_id: str = fields.key("The id at Polar.")

    class Meta:
        table = "polar_customer"
