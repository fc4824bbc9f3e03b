"""What the daily limits leave the viewer."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from models.accounts.rate_limits import RateLimit
from models.accounts.users import User
from models.billing.anonymous_usage import AnonymousUsage
from models.billing.daily_limits import (
    MESSAGES,
    PRO_MESSAGES,
    Day,
    day_of,
    guest_keys,
    upload_keys,
)
from models.statements import listed

if TYPE_CHECKING:
    from models.ports import Client, DailyLimits, Database
    from models.verbs import Actor

_USER = f"SELECT {listed(User)} FROM user_account t WHERE t.id = $1"
_GUESTS = f"SELECT {listed(AnonymousUsage)} FROM anonymous_usage t WHERE t.anonymous_id = ANY ($1)"
_WINDOWS = f"SELECT {listed(RateLimit)} FROM rate_limit t WHERE t.key = ANY ($1)"


@dataclass(frozen=True, slots=True)
class UsageLimit:
    """How often something may be done in a day that ends at `resets_at`."""

    limit: int
    used: int
    resets_at: datetime

    @property
    def remaining(self) -> int:
        """How often it may still be done."""
        return max(0, self.limit - self.used)


@dataclass(frozen=True, slots=True)
class UsageLimits:
    """The daily limits of a user; None for what has none of its own."""

    messages: UsageLimit | None = None
    pro_messages: UsageLimit | None = None
    uploads: UsageLimit | None = None


async def limits_of(actor: Actor) -> UsageLimits | None:
    """What has been used of them today, of a guest also by others from the same address.

    None for nobody, and where nothing is limited.
    """
    limits, client, database = actor.limits, actor.client, actor.database
    if actor.viewer.user_id is None or limits is None:
        return None
    day = day_of(actor.clock.now(), limits.zone)
    user = User.from_row((await database.fetch(_USER, actor.viewer.id))[0])
    uploads = None if user.premium else await _uploads(database, user, client, limits, day)
    if user.anonymous:
        return UsageLimits(
            await _guest_messages(database, user, client, limits, day), None, uploads
        )
    messages = UsageLimit(limits.user_messages, MESSAGES.used(user, day), day.ends)
    pro = UsageLimit(limits.pro_messages, PRO_MESSAGES.used(user, day), day.ends)
    return UsageLimits(messages, pro, uploads)


async def _guest_messages(
    database: Database, user: User, client: Client, limits: DailyLimits, day: Day
) -> UsageLimit:
    keys = guest_keys(user.id, client, limits)
    rows = [AnonymousUsage.from_row(row) for row in await database.fetch(_GUESTS, list(keys))]
    used = {row.anonymous_id: MESSAGES.used(row, day) for row in rows}
    return _tightest(UsageLimit(most, used.get(key, 0), day.ends) for key, most in keys.items())


async def _uploads(
    database: Database, user: User, client: Client, limits: DailyLimits, day: Day
) -> UsageLimit:
    keys = upload_keys(user, client)
    windows = [RateLimit.from_row(row) for row in await database.fetch(_WINDOWS, keys)]
    used = {one.key: one.count for one in windows if one.over_at > day.begins}
    return _tightest(UsageLimit(limits.free_uploads, used.get(key, 0), day.ends) for key in keys)


def _tightest(limits: Iterable[UsageLimit]) -> UsageLimit:
    return min(limits, key=lambda limit: limit.remaining)
