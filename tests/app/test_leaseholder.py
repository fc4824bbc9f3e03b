"""Jobs by leases: what a process takes it carries out, loses, or hands back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress

from structlog.testing import capture_logs

from app.leaseholder import Leaseholder
from models.errors import Unavailable
from tests.harness.eventually import eventually


class FakeTrade:
    """Jobs are names; one that is `open` goes on until it is cancelled."""

    def __init__(self, *waiting: str) -> None:
        self.waiting = list(waiting)
        self.standing = set(waiting)
        self.done: list[str] = []
        self.cancelled: list[str] = []
        self.handed_back: list[str] = []
        self.claiming = asyncio.Event()
        self.claimed = asyncio.Event()
        self.claimed.set()
        self.away = False

    async def claim(self, free: int) -> Sequence[str]:
        taken, self.waiting = self.waiting[:free], self.waiting[free:]
        self.claiming.set()
        await self.claimed.wait()
        return taken

    async def renew(self, jobs: Sequence[str]) -> set[str]:
        if self.away:
            raise Unavailable("The database is away.")
        return self.standing & set(jobs)

    async def carry_out(self, job: str) -> None:
        if job == "broken":
            raise KeyError(job)
        try:
            await asyncio.sleep(60 if job.startswith("open") else 0)
        except asyncio.CancelledError:
            self.cancelled.append(job)
            raise
        self.done.append(job)

    async def hand_back(self, job: str) -> None:
        self.handed_back.append(job)


@asynccontextmanager
async def at_work(
    trade: FakeTrade, *, slots: int = 2, lease: float = 0.06
) -> AsyncIterator[Leaseholder[str]]:
    holder = Leaseholder(trade, slots=slots, lease=lease, poll=0.01)
    running = asyncio.create_task(holder.run())
    try:
        yield holder
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running


async def test_no_more_are_taken_than_there_are_slots() -> None:
    trade = FakeTrade("open 1", "open 2", "open 3")
    async with at_work(trade) as holder:
        await eventually(lambda: _told(len(holder.jobs) == 2))
        await asyncio.sleep(0.05)
        assert (holder.jobs, trade.waiting) == (["open 1", "open 2"], ["open 3"])
    assert trade.cancelled == trade.handed_back == ["open 1", "open 2"]


async def test_what_does_not_stand_is_cancelled_and_makes_room() -> None:
    trade = FakeTrade("open 1", "short")
    async with at_work(trade, slots=1) as holder:
        await eventually(lambda: _told(holder.jobs == ["open 1"]))
        trade.standing.clear()
        await eventually(lambda: _told(trade.done == ["short"]))
    assert (trade.cancelled, trade.handed_back) == (["open 1"], [])


async def test_a_doubt_is_looked_into_at_once() -> None:
    trade = FakeTrade("open 1", "open 2")
    async with at_work(trade, lease=3_600) as holder:
        await eventually(lambda: _told(len(holder.jobs) == 2))
        trade.standing.clear()
        holder.doubt(["open 2"])
        await eventually(lambda: _told(trade.cancelled == ["open 2"]))
        assert holder.jobs == ["open 1"]


async def test_without_the_database_nothing_is_cancelled() -> None:
    trade = FakeTrade("open 1")
    async with at_work(trade) as holder:
        await eventually(lambda: _told(holder.jobs == ["open 1"]))
        trade.away = True
        await asyncio.sleep(0.1)
        assert (holder.jobs, trade.cancelled) == (["open 1"], [])


async def test_what_is_being_kept_is_not_cancelled() -> None:
    trade = FakeTrade("open 1")
    async with at_work(trade) as holder:
        await eventually(lambda: _told(holder.jobs == ["open 1"]))
        holder.let_end("open 1")
        trade.standing.clear()
        await asyncio.sleep(0.1)
        assert (holder.jobs, trade.cancelled) == (["open 1"], [])
        trade.standing.add("open 1")


async def test_a_claim_in_flight_is_handed_back() -> None:
    trade = FakeTrade("open 1")
    trade.claimed.clear()
    async with at_work(trade):
        await trade.claiming.wait()
        asyncio.get_running_loop().call_later(0.05, trade.claimed.set)
    assert trade.handed_back == ["open 1"]


async def test_a_job_that_breaks_is_logged_and_makes_room() -> None:
    trade = FakeTrade("broken", "short")
    with capture_logs() as logs:
        async with at_work(trade, slots=1):
            await eventually(lambda: _told(trade.done == ["short"]))
    (entry,) = logs
    assert entry["event"] == "job.lost"


async def _told(value: bool) -> bool:
    return value
