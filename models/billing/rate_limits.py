"""Rate limits: how often something was done in the window that runs."""

from __future__ import annotations

from datetime import datetime

from models import fields
from models.access import OperatorOnly
from models.base import Record
from models.indexes import index, unique


class RateLimit(Record):
    """What is counted under one key, in windows of a fixed length."""

    prefix = "rlm"
    access = OperatorOnly()
    indexes = (unique("key"), index("window_start", "id"))

    key: str = fields.key("What is limited, such as `user_<id>_<action>`.")
    count: int = fields.integer("How often it was done in the window.")
    window_start: datetime = fields.moment("When the window began.")
    limit_count: int = fields.integer("How often it may be done in a window.")
    window_ms: int = fields.integer("How long a window is, in milliseconds.", least=1, most=2**53)

    class Meta:
        table = "rate_limit"
