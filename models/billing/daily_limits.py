"""Daily limits: the policies that count messages and uploads, and refuse those above a day's.

A day begins at midnight of one zone for everybody. A count holds for the day that its reset names;
whoever comes on another day begins a new one, so nothing has to run at midnight. Each count is
changed with its row locked, in the transaction of what is counted: what fails counts nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from models.accounts.desk import keys_of, network_of
from models.accounts.rate_limits import Limit, count_try
from models.accounts.users import User
from models.billing.anonymous_usage import usage_of
from models.errors import DailyLimitReached, RateLimited
from models.ports import NOWHERE

if TYPE_CHECKING:
    from datetime import tzinfo

    from models.billing.admission import UploadRequest
    from models.ports import AdmissionRequest, Client, DailyLimits
    from models.transaction import Transaction


@dataclass(frozen=True, slots=True)
class Day:
    """A day of a zone, which may have 23 or 25 hours."""

    begins: datetime
    ends: datetime


@dataclass(frozen=True, slots=True)
class Counter:
    """The columns of a row that hold a count and the beginning of the day it is of."""

    count: str
    reset: str
    what: str

    def used(self, row: Any, day: Day) -> int:
        """How many were counted on that day."""
        reset: datetime | None = getattr(row, self.reset)
        return getattr(row, self.count) if reset is not None and reset >= day.begins else 0

    def counted(self, row: Any, day: Day, by: int, most: int) -> Mapping[str, Any]:
        """The columns with `by` more. Raises DailyLimitReached where that is above `most`."""
        used = self.used(row, day)
        if by and used + by > most:
            raise reached(self.what, most, used, day)
        return {self.count: used + by, self.reset: day.begins} if by else {}


MESSAGES = Counter("daily_message_count", "daily_reset", "messages")
PRO_MESSAGES = Counter("daily_pro_message_count", "daily_pro_reset", "messages to pro models")


def day_of(now: datetime, zone: tzinfo) -> Day:
    """The day of `zone` in which a time lies."""
    date = now.astimezone(zone).date()
    midnights = (datetime.combine(one, time(), zone) for one in (date, date + timedelta(days=1)))
    return Day(*(midnight.astimezone(UTC) for midnight in midnights))


def reached(what: str, most: int, used: int, day: Day) -> DailyLimitReached:
    """The refusal of what is above a day's."""
    until = f"{day.ends:%Y-%m-%d %H:%M} UTC"
    return DailyLimitReached(
        f"No more than {most:,} {what} a day; the next day begins at {until}.",
        limit=most,
        remaining=max(0, most - used),
        resets_at=day.ends,
    )


async def limit_messages(tx: Transaction, request: AdmissionRequest) -> None:
    """Count the answers to a message, or the message where nothing answers it.

    Those of pro models have a count of their own, save for guests.
    """
    limits, viewer = tx.actor.limits, tx.actor.viewer
    if limits is None:
        return
    day, pro = day_of(tx.now, limits.zone), sum(model.tier != "cheap" for model in request.models)
    total = len(request.models) or 1
    if viewer.anonymous:
        await _count_guest(tx, limits, day, total)
        return
    user = await tx.lock(User, viewer.id)
    if user is not None:
        await user.change(
            message_count=user.message_count + total,
            **MESSAGES.counted(user, day, total - pro, limits.user_messages),
            **PRO_MESSAGES.counted(user, day, pro, limits.pro_messages),
        )


async def _count_guest(tx: Transaction, limits: DailyLimits, day: Day, by: int) -> None:
    for key, most in sorted(guest_keys(tx.actor.viewer.id, tx.actor.client, limits).items()):
        usage = await usage_of(tx, key)
        await usage.change(**MESSAGES.counted(usage, day, by, most))


def guest_keys(user_id: str, client: Client, limits: DailyLimits) -> dict[str, int]:
    """What a guest is counted by, each with its limit: another id does not help."""
    found = {user_id: limits.guest_messages}
    if client.address != NOWHERE.address:
        found[f"ip_{network_of(client.address)}"] = limits.guest_address_messages
    return found


async def limit_uploads(tx: Transaction, request: UploadRequest) -> None:
    """Count an upload of a user without a paying plan."""
    limits = tx.actor.limits
    user = await tx.first(User, "id = $1", tx.actor.viewer.id)
    if limits is None or user is None or user.premium:
        return
    day, most = day_of(tx.now, limits.zone), limits.free_uploads
    keys = upload_keys(user, tx.actor.client)
    counted = [Limit(key, most, day.ends - day.begins, day.begins) for key in keys]
    try:
        await count_try(tx, counted)
    except RateLimited as error:
        raise reached("uploads", most, most, day) from error


def upload_keys(user: User, client: Client) -> list[str]:
    """What a user's uploads are counted by; a guest's by their address as well."""
    return keys_of(user.id, client, "daily_upload", guest=user.anonymous)
