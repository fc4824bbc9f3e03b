"""How often one user may do what is costly or bothers others, by action.

A verb counts what it does:

    IMPORTS = limited("github_import", 10, minutes=1)

    @verb
    async def import_repository(tx: Transaction, ...) -> Import:
        await IMPORTS.count(tx)

Keys are made here of the viewer, their address and the action, never of what a client sends.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from operator import attrgetter
from typing import TYPE_CHECKING

from models.accounts.desk import keys_of
from models.accounts.rate_limits import Limit, RateLimit, count_try
from models.statements import listed
from models.transaction import Transaction

if TYPE_CHECKING:
    from models.verbs import Actor

ACTIONS: dict[str, ActionLimit] = {}
"""Every limit, by its action."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What is left of a limit; without a window that runs, `resets_at` is None."""

    action: str
    limit: int
    used: int
    window_seconds: int
    resets_at: datetime | None

    @property
    def remaining(self) -> int:
        """How often it may still be done."""
        return max(0, self.limit - self.used)


@dataclass(frozen=True, slots=True)
class ActionLimit:
    """How often a user may do something in a window, and all guests of one address together.

    `Actor.rates` may say another number than `most`; 0 is no limit.
    """

    action: str
    most: int
    window: timedelta

    async def count(self, caller: Actor | Transaction, by: int = 1) -> None:
        """Count it, done `by` times. Raises RateLimited.

        Inside a verb what fails counts nothing. Of an actor it stays counted, whatever comes of it.
        """
        actor = caller.actor if isinstance(caller, Transaction) else caller
        most = self.most_of(actor)
        if most:
            keys = self.keys(actor)
            await count_try(caller, [Limit(key, most, self.window, by=by) for key in keys])

    def most_of(self, actor: Actor) -> int:
        """How often it may be done; 0 for as often as one likes."""
        return actor.rates.get(self.action, self.most)

    def keys(self, actor: Actor) -> list[str]:
        """What it is counted by."""
        viewer = actor.viewer
        return keys_of(viewer.id, actor.client, self.action, guest=viewer.anonymous)

    def standing(self, actor: Actor, windows: Mapping[str, RateLimit], now: datetime) -> Standing:
        """What is left to an actor, by the `windows` of their keys."""
        seconds = int(self.window.total_seconds())
        found = [windows[key] for key in self.keys(actor) if key in windows]
        running = [
            Standing(self.action, one.limit_count, one.count, seconds, one.over_at)
            for one in found
            if one.over_at > now
        ]
        unused = Standing(self.action, self.most_of(actor), 0, seconds, None)
        return min(running, key=attrgetter("remaining"), default=unused)


def limited(action: str, most: int, **window: float) -> ActionLimit:
    """A limit for an action: `limited("upload", 60, hours=1)`."""
    assert action not in ACTIONS, "another's name"
    found = ACTIONS[action] = ActionLimit(action, most, timedelta(**window))
    return found


async def standings_of(actor: Actor) -> list[Standing]:
    """What is left to the viewer of each limit, by action; nothing for nobody."""
    if actor.viewer.user_id is None:
        return []
    limits = [limit for _, limit in sorted(ACTIONS.items()) if limit.most_of(actor)]
    windows = await _windows(actor, (key for limit in limits for key in limit.keys(actor)))
    now = actor.clock.now()
    return [limit.standing(actor, windows, now) for limit in limits]


async def _windows(actor: Actor, keys: Iterable[str]) -> dict[str, RateLimit]:
    sql = f"SELECT {listed(RateLimit)} FROM rate_limit t WHERE t.key = ANY ($1)"
    rows = await actor.database.fetch(sql, list(keys))
    return {row["key"]: RateLimit.from_row(row) for row in rows}
