"""What operations may cost in a minute: a budget for each user, and one for each address.

A server counts in memory, and every second tells PostgreSQL and hears what the others counted. So
a viewer who uses several servers may get, beyond the budget, what each of them lets through before
it has heard of the others: what is asked for within about a second, and at worst one budget more
for each further server. One server by itself lets nothing through.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from math import ceil

import structlog

from app.config import Settings
from models.accounts.spending import WINDOW, spend
from models.errors import RateLimited, Unavailable
from models.ports import Clock, Database

PAUSE = 1.0  # seconds between two merges
KNOWN = 50_000
"""Viewers that a server knows at once: some 10 MB. Who is known longest makes room for others, and
when they ask again is known again from the next merge on."""

log = structlog.get_logger()


def cost_budget(settings: Settings, database: Database, clock: Clock) -> CostBudget | None:
    """The budget of the settings; None where there is none."""
    most = settings.cost_per_minute
    return CostBudget(most, database, clock) if most else None


class CostBudget:
    """Counts what viewers ask for, in windows that begin with the minutes of the clock."""

    def __init__(self, most: int, database: Database, clock: Clock, *, known: int = KNOWN) -> None:
        """`most` is what a viewer's operations may cost in a minute; `known` bounds the viewers."""
        self._most = most
        self._known = known
        self._database = database
        self._clock = clock
        self._begins = self._ends = 0.0  # seconds since 1970: dates would take most of the time
        self._spent: dict[str, int] = {}
        self._untold: dict[str, int] = {}
        self._policy = f'"cost";q={most};w={WINDOW.seconds}'

    def __len__(self) -> int:
        """How many viewers are known."""
        return len(self._spent)

    def draw(self, payer: str, cost: int) -> None:
        """Take the cost of an operation from a viewer's budget. Raises RateLimited.

        What costs more than a whole budget takes a whole one.
        """
        left = self._seconds_left()
        cost, spent = min(cost, self._most), self._spent.get(payer, 0)
        if spent + cost > self._most:
            raise RateLimited("Too much was asked for in a minute.", retry_after=left)
        if len(self._spent) >= self._known and payer not in self._spent:
            del self._spent[next(iter(self._spent))]
        self._spent[payer] = spent + cost
        self._untold[payer] = self._untold.get(payer, 0) + cost

    def headers(self, payer: str) -> Mapping[str, str]:
        """`RateLimit` and `RateLimit-Policy` (draft-ietf-httpapi-ratelimit-headers-10)."""
        seconds = ceil(self._seconds_left())
        left = max(0, self._most - self._spent.get(payer, 0))
        return {"RateLimit-Policy": self._policy, "RateLimit": f'"cost";r={left};t={seconds}'}

    async def run(self) -> None:
        """Merge until cancelled."""
        while True:
            await asyncio.sleep(PAUSE)
            try:
                await self.merge()
            except Unavailable:
                log.warning("cost_budget.alone")  # the next merges tell what comes from here on

    async def merge(self) -> None:
        """Tell what was spent here since the last time, and hear what was spent in all.

        Raises Unavailable; what could not be told is not told again.
        """
        begins, untold = self._begins, self._untold
        self._untold = {}
        if not untold:
            return
        minute = datetime.fromtimestamp(begins, UTC)
        spent = await spend(self._database, minute, self._most, untold)
        if begins == self._begins:
            for payer, all_told in spent.items():
                if payer in self._spent:
                    known = all_told + self._untold.get(payer, 0)
                    self._spent[payer] = max(known, self._spent[payer])

    def _seconds_left(self) -> float:
        """How long the window that runs still does; begins a new one if it is time to."""
        now = self._clock.now().timestamp()
        if not self._begins <= now < self._ends:
            self._begins = now // WINDOW.seconds * WINDOW.seconds
            self._ends = self._begins + WINDOW.seconds
            self._spent, self._untold = {}, {}
        return self._ends - now
