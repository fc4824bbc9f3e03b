"""The worker: claims waiting generations, writes their answers, keeps its leases alive."""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import structlog

from app.answering import Author, write_answer
from app.asking import EndedHere
from app.titling import title_conversation
from app.upkeep import patiently
from app.waiting import ended_within, woken
from app.writing import NoLongerWanted
from models.billing.usage_events import ModelCall
from models.chat.answers import Answer
from models.chat.leases import (
    FAILED_TEXT,
    Failure,
    Lease,
    claim_generations,
    finish_generation,
    give_up_generation,
    hand_back_generation,
    renew,
)
from models.errors import DomainError, Unavailable
from models.providing import ProviderError

POLL = 0.5  # seconds, when nothing wakes the worker
LONGEST_WAIT = 60.0  # seconds before a second try
HAND_BACK = 3.0  # seconds for each step of leaving

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class WorkerLimits:
    """`lease` in seconds: how long an answer outlives its worker's last heartbeat."""

    slots: int
    per_user: int
    lease: float


@dataclass(slots=True)
class Job:
    """An answer being written here; `ending` once it is whole and being kept."""

    task: asyncio.Task[None]
    ending: bool = False


class Worker:
    """Writes answers until cancelled; then hands back what is unfinished."""

    def __init__(self, author: Author, limits: WorkerLimits) -> None:
        self.name = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(3)}"
        self._author = author
        self._actor = author.actor
        self._limits = limits
        self._jobs: dict[Lease, Job] = {}
        self._claiming: asyncio.Task[None] | None = None
        self._doubtful: set[str] = set()
        self._doubted = asyncio.Event()
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """Look for work soon."""
        self._woken.set()

    def changed(self, owner: str, change: Mapping[str, Any]) -> None:
        """Follow the event log: new work, and answers that are no longer wanted."""
        id: str = change["id"]
        if not id.startswith("gen_"):
            return
        self.wake()
        if any(lease.generation_id == id for lease in self._jobs):
            self._doubtful.add(id)
            self._doubted.set()

    async def run(self) -> None:
        """Work until cancelled."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._claim_forever())
                group.create_task(self._beat_forever())
                group.create_task(self._check_forever())
        finally:
            await asyncio.shield(self._leave())

    # -- claiming --------------------------------------------------------------------------

    async def _claim_forever(self) -> None:
        while True:
            await woken(self._woken, POLL)
            self._claiming = asyncio.create_task(self._claim())
            # Shielded: what a claim has taken when the worker leaves must be handed back.
            await patiently(asyncio.shield(self._claiming))

    async def _claim(self) -> None:
        free = self._limits.slots - len(self._jobs)
        if free <= 0:
            return
        lease = timedelta(seconds=self._limits.lease)
        claimed = await claim_generations(
            self._actor, self.name, free, self._limits.per_user, lease
        )
        for one in claimed:
            task = asyncio.create_task(self._write(one), name=f"write {one.message_id}")
            self._jobs[one] = Job(task)

    # -- keeping ---------------------------------------------------------------------------

    async def _beat_forever(self) -> None:
        while True:
            await asyncio.sleep(self._limits.lease / 3)
            await patiently(self._beat(list(self._jobs)))

    async def _check_forever(self) -> None:
        """Look at once at answers that somebody else changed."""
        while True:
            await self._doubted.wait()
            self._doubted.clear()
            doubtful, self._doubtful = self._doubtful, set()
            leases = [lease for lease in self._jobs if lease.generation_id in doubtful]
            await patiently(self._beat(leases))

    async def _beat(self, leases: list[Lease]) -> None:
        """Prolong leases, and stop writing what no longer stands."""
        if not leases:
            return
        until = self._actor.clock.now() + timedelta(seconds=self._limits.lease)
        async with self._actor.database.connection() as connection:
            standing = await renew(connection, leases, self.name, until)
        for lease in set(leases) - standing:
            job = self._jobs.get(lease)
            if job is not None and not job.ending:
                job.task.cancel()

    # -- one answer ------------------------------------------------------------------------

    async def _write(self, lease: Lease) -> None:
        try:
            outcome, call = await write_answer(self._author, lease)
            self._jobs[lease].ending = True
            if isinstance(outcome, Answer):
                outcome = await self._finish(lease, outcome, call)
            if isinstance(outcome, ProviderError):
                await self._give_up(lease, outcome, call)
            elif isinstance(outcome, Answer):
                await title_conversation(self._author, lease)
        except NoLongerWanted:
            log.info("answer.unwanted", message=lease.message_id)
        except Exception:
            log.exception("answer.lost", message=lease.message_id)
        else:
            log.info("answer.ended", message=lease.message_id, epoch=lease.epoch)
        finally:
            self._jobs.pop(lease, None)
            self.wake()

    async def _finish(
        self, lease: Lease, answer: Answer, call: ModelCall | None
    ) -> Answer | EndedHere:
        """Keep a whole answer; one that can't be kept would not be after another try either."""
        try:
            await _until_available(lambda: finish_generation(self._actor, lease, answer, call))
        except DomainError:
            log.exception("answer.refused", message=lease.message_id)
            return EndedHere(FAILED_TEXT)
        return answer

    async def _give_up(self, lease: Lease, error: ProviderError, call: ModelCall | None) -> None:
        ours = isinstance(error, EndedHere)
        failure = Failure(error.message, _pause(error, lease), error.code, ours)
        await _until_available(lambda: give_up_generation(self._actor, lease, failure, call))

    # -- leaving ---------------------------------------------------------------------------

    async def _leave(self) -> None:
        """Let what is whole be kept, and hand the rest back."""
        if self._claiming is not None:
            await ended_within(HAND_BACK, [self._claiming])
        jobs = dict(self._jobs)
        for job in jobs.values():
            if not job.ending:
                job.task.cancel()
        await ended_within(HAND_BACK, [job.task for job in jobs.values()])
        handing = [patiently(hand_back_generation(self._actor, lease)) for lease in jobs]
        await ended_within(HAND_BACK, [asyncio.create_task(one) for one in handing])


async def _until_available(end: Callable[[], Awaitable[object]]) -> None:
    """End a try, however long the database is away or too busy."""
    while True:
        try:
            await end()
        except DomainError as error:
            if not isinstance(error, Unavailable) and error.retry_after is None:
                raise
            await asyncio.sleep(POLL)
        else:
            return


def _pause(error: ProviderError, lease: Lease) -> timedelta | None:
    """How long to wait before the next try; None when none would help."""
    if not error.retryable:
        return None
    wait = error.retry_after if error.retry_after is not None else 0.5 * 2**lease.tries
    return timedelta(seconds=min(wait, LONGEST_WAIT))
