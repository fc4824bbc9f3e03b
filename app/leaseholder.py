"""Jobs that one process at a time carries out: claimed, kept by heartbeats, handed back at the end.

A process that dies leaves them to others as soon as its leases are over.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from functools import partial
from typing import Generic, Protocol, TypeVar

import structlog

from app.upkeep import patiently
from app.waiting import ended_within, woken
from models.errors import DomainError, Unavailable

HAND_BACK = 3.0  # seconds for each step of leaving
RETRY = 0.5  # seconds until the database is asked again

log = structlog.get_logger()

JobT = TypeVar("JobT")
T = TypeVar("T")


class Trade(Protocol[JobT]):
    """What is done with jobs of one kind; they are hashable. All but `carry_out` raise
    Unavailable while the database is away."""

    async def claim(self, free: int, /) -> Sequence[JobT]:
        """Take so many jobs at most."""
        ...

    async def renew(self, jobs: Sequence[JobT], /) -> set[JobT]:
        """Hold jobs for longer, and return those that still stand."""
        ...

    async def carry_out(self, job: JobT, /) -> None:
        """Do it; cancelled when the job does not stand any more. What it raises is logged."""
        ...

    async def hand_back(self, job: JobT, /) -> None:
        """Leave it to another process at once, if it still stands."""
        ...


class Leaseholder(Generic[JobT]):
    """Carries out jobs until cancelled; then hands back what is unfinished."""

    def __init__(self, trade: Trade[JobT], *, slots: int, lease: float, poll: float) -> None:
        """`slots` is how many at once. `lease` in seconds: how long a job outlives its process's
        last heartbeat; `poll`: how long until work is looked for when nothing wakes it."""
        self._trade = trade
        self._slots = slots
        self._lease = lease
        self._poll = poll
        self._tasks: dict[JobT, asyncio.Task[None]] = {}
        self._ending: set[JobT] = set()
        self._claiming: asyncio.Task[None] | None = None
        self._doubtful: set[JobT] = set()
        self._doubted = asyncio.Event()
        self._woken = asyncio.Event()

    @property
    def jobs(self) -> list[JobT]:
        """Those that are carried out just now."""
        return list(self._tasks)

    def wake(self) -> None:
        """Look for work soon."""
        self._woken.set()

    def doubt(self, jobs: Iterable[JobT]) -> None:
        """Look at once whether jobs still stand: somebody else changed them."""
        self._doubtful.update(jobs)
        if self._doubtful:
            self._doubted.set()

    def let_end(self, job: JobT) -> None:
        """Cancel a job no more: it is done, and being kept."""
        self._ending.add(job)

    def is_ending(self, job: JobT) -> bool:
        """Whether it is cancelled no more, or over."""
        return job in self._ending or job not in self._tasks

    async def run(self) -> None:
        """Work until cancelled."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._claim_forever())
                group.create_task(self._beat_forever())
                group.create_task(self._check_forever())
        finally:
            await asyncio.shield(self._leave())

    async def _claim_forever(self) -> None:
        while True:
            await woken(self._woken, self._poll)
            self._claiming = asyncio.create_task(self._claim())
            # Shielded: what a claim has taken when the process leaves must be handed back.
            await patiently(asyncio.shield(self._claiming))

    async def _claim(self) -> None:
        free = self._slots - len(self._tasks)
        if free <= 0:
            return
        for job in await self._trade.claim(free):
            task = self._tasks[job] = asyncio.create_task(self._trade.carry_out(job))
            task.add_done_callback(partial(self._ended, job))  # also of one that never began

    def _ended(self, job: JobT, task: asyncio.Task[None]) -> None:
        del self._tasks[job]
        self._ending.discard(job)
        self.wake()
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("job.lost", exc_info=error)

    async def _beat_forever(self) -> None:
        while True:
            await asyncio.sleep(self._lease / 3)
            await patiently(self._beat(self.jobs))

    async def _check_forever(self) -> None:
        while True:
            await self._doubted.wait()
            self._doubted.clear()
            doubtful, self._doubtful = self._doubtful, set()
            await patiently(self._beat([job for job in self.jobs if job in doubtful]))

    async def _beat(self, jobs: list[JobT]) -> None:
        """Hold jobs for longer, and stop those that do not stand any more."""
        if not jobs:
            return
        standing = await self._trade.renew(jobs)
        for job in set(jobs) - standing:
            if not self.is_ending(job):
                self._tasks[job].cancel()

    async def _leave(self) -> None:
        """Let what is done be kept, and hand the rest back."""
        if self._claiming is not None:
            await ended_within(HAND_BACK, [self._claiming])
        tasks = dict(self._tasks)
        for job, task in tasks.items():
            if not self.is_ending(job):
                task.cancel()
        await ended_within(HAND_BACK, tasks.values())
        handing = [patiently(self._trade.hand_back(job)) for job in tasks]
        await ended_within(HAND_BACK, [asyncio.create_task(one) for one in handing])


async def until_available(end: Callable[[], Awaitable[T]]) -> T:
    """What ending a job comes to, however long the database is away or too busy."""
    while True:
        try:
            return await end()
        except DomainError as error:
            if not isinstance(error, Unavailable) and error.retry_after is None:
                raise
            await asyncio.sleep(RETRY)
