"""Upkeep: what a worker's process does beside answering, a bounded amount in each round."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from datetime import timedelta
from typing import Any

import structlog

from app.polar import EventProcessor
from models.accounts.expiring import forget_expired
from models.accounts.rate_limits import forget_short_windows, forget_windows
from models.billing.anonymous_usage import forget_days
from models.billing.granting import lapse_subscriptions
from models.billing.plans import Terms
from models.builder.claims import reap_runs
from models.builder.stale_reservations import close_stale_reservations
from models.chat.deletion import work_off_deletion
from models.chat.leases import reap_generations
from models.chat.tool_steps import expire_tool_calls
from models.errors import Unavailable
from models.files.sweeping import sweep_files
from models.housekeeping import forget_the_old
from models.storing import Files
from models.verbs import Actor

PAUSE = 5.0  # seconds, at most, between two rounds
RETRY = 0.5  # seconds after the database was away
TIDY = timedelta(minutes=5)
DELETION_BATCHES = 20  # of one round
WINDOW_BATCHES = 20  # the same

log = structlog.get_logger()


class Upkeep:
    """Ends what dead workers held, empties what was deleted, forgets what is over."""

    def __init__(self, actor: Actor, files: Files, terms: Terms, lease: float) -> None:
        """`lease` in seconds: how long an answer outlives its worker's last heartbeat."""
        self._actor = actor
        self._files = files
        self._events = EventProcessor(actor, terms)
        self._pause = min(PAUSE, lease / 3)
        self._tidy_at = actor.clock.now()

    async def run(self) -> None:
        """Go round until cancelled."""
        while True:
            await asyncio.sleep(self._pause)
            await patiently(reap_generations(self._actor))
            await patiently(expire_tool_calls(self._actor))
            await patiently(reap_runs(self._actor))
            await patiently(self._delete())
            await patiently(sweep_files(self._actor, self._files))
            await patiently(self._events.work_off())
            await patiently(lapse_subscriptions(self._actor))
            await patiently(self._forget())

    async def _delete(self) -> None:
        for _ in range(DELETION_BATCHES):
            if not await work_off_deletion(self._actor):
                break

    async def _forget(self) -> None:
        now = self._actor.clock.now()
        if now >= self._tidy_at:
            self._tidy_at = now + TIDY
            await forget_the_old(self._actor.database, self._actor.clock)
            await forget_expired(self._actor)
            await forget_days(self._actor)
            await close_stale_reservations(self._actor)
            await self._forget_windows()

    async def _forget_windows(self) -> None:
        for forget in (forget_short_windows, forget_windows):
            for _ in range(WINDOW_BATCHES):
                if not await forget(self._actor):
                    break


async def patiently(work: Awaitable[Any]) -> None:
    """Do something that the next round does again should it fail."""
    try:
        await work
    except Unavailable:
        log.warning("database.lost")
        await asyncio.sleep(RETRY)
    except Exception:
        log.exception("round.failed")
