"""The worker: claims waiting generations, writes their answers, keeps its leases alive."""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
from collections.abc import Mapping
from contextlib import aclosing
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import structlog

from app.waiting import woken
from app.writing import Manuscript, NoLongerWanted, Writer
from models.builder.claims import reap_runs
from models.chat.deletion import work_off_deletion
from models.chat.generations import (
    FAILED_TEXT,
    Answer,
    Lease,
    claim_generations,
    finish_generation,
    give_up_generation,
    hand_back_generation,
    reap_generations,
    renew,
)
from models.chat.messages import CONTENT_LIMIT
from models.chat.prompting import read_prompt
from models.errors import DomainError, Unavailable
from models.housekeeping import forget_the_old
from models.ports import Delta, Finish, ModelCatalogue, ProviderError
from models.verbs import Actor

POLL = 0.5  # seconds, when nothing wakes the worker
TIDY = timedelta(minutes=5)
DELETION_BATCHES = 20  # at most, between two looks at dead workers
LONGEST_WAIT = 60.0  # seconds before a second try

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class WorkerLimits:
    """`lease` in seconds: how long an answer outlives its worker's last heartbeat."""

    slots: int
    per_user: int
    lease: float


@dataclass(slots=True)
class Job:
    """An answer being written here."""

    lease: Lease
    task: asyncio.Task[None]


class Worker:
    """Writes answers until cancelled; then hands back what is unfinished."""

    def __init__(
        self, actor: Actor, models: ModelCatalogue, writer: Writer, limits: WorkerLimits
    ) -> None:
        self.name = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(3)}"
        self._actor = actor
        self._models = models
        self._writer = writer
        self._limits = limits
        self._jobs: dict[str, Job] = {}
        self._tidy_at = actor.clock.now()
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
        if id in self._jobs and change["op"] == "change":
            self._jobs[id].task.get_loop().create_task(self._check(id))

    async def run(self) -> None:
        """Work until cancelled."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._claim_forever())
                group.create_task(self._beat_forever())
                group.create_task(self._reap_forever())
        finally:
            await asyncio.shield(self._hand_back())

    async def _claim_forever(self) -> None:
        while True:
            await woken(self._woken, POLL)
            await self._patiently(self._claim())

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
            self._jobs[one.generation_id] = Job(one, task)

    async def _beat_forever(self) -> None:
        while True:
            await asyncio.sleep(self._limits.lease / 3)
            await self._patiently(self._beat(list(self._jobs)))

    async def _check(self, generation_id: str) -> None:
        await self._patiently(self._beat([generation_id]))

    async def _beat(self, ids: list[str]) -> None:
        if not ids:
            return
        until = self._actor.clock.now() + timedelta(seconds=self._limits.lease)
        async with self._actor.database.connection() as connection:
            standing = await renew(connection, ids, self.name, until)
        for id in set(ids) - standing:
            if id in self._jobs:
                self._jobs[id].task.cancel()

    async def _reap_forever(self) -> None:
        while True:
            await asyncio.sleep(min(5.0, self._limits.lease / 3))
            await self._patiently(reap_generations(self._actor))
            await self._patiently(reap_runs(self._actor))
            await self._patiently(self._delete())

    async def _delete(self) -> None:
        for _ in range(DELETION_BATCHES):
            if not await work_off_deletion(self._actor):
                break
        if self._actor.clock.now() >= self._tidy_at:
            self._tidy_at = self._actor.clock.now() + TIDY
            await forget_the_old(self._actor.database, self._actor.clock)

    async def _patiently(self, work: Any) -> None:
        """Do something that the next round does again should it fail."""
        try:
            await work
        except Unavailable:
            log.warning("worker.lost")
            await asyncio.sleep(POLL)
        except Exception:
            log.exception("worker.failed")

    # -- one answer ------------------------------------------------------------------------

    async def _write(self, lease: Lease) -> None:
        try:
            await self._end(lease, await self._outcome(lease))
        except NoLongerWanted:
            log.info("answer.unwanted", message=lease.message_id)
        except asyncio.CancelledError:
            raise
        except Exception:
            log.exception("answer.lost", message=lease.message_id)
        else:
            log.info("answer.ended", message=lease.message_id, epoch=lease.epoch)
        finally:
            self._jobs.pop(lease.generation_id, None)
            self.wake()

    async def _outcome(self, lease: Lease) -> Answer | ProviderError:
        try:
            return await self._answer(lease)
        except NoLongerWanted:
            raise
        except ProviderError as error:
            log.warning(
                "answer.failed",
                message=lease.message_id,
                why=error.__notes__ if hasattr(error, "__notes__") else None,
            )
            return error
        except DomainError as error:
            return ProviderError(error.message, retryable=isinstance(error, Unavailable))
        except Exception:
            log.exception("answer.crashed", message=lease.message_id)
            return ProviderError(FAILED_TEXT, retryable=True)

    async def _answer(self, lease: Lease) -> Answer:
        provider, name = self._models.provider_for(lease.model)
        context = self._models.choose(lease.model).context
        prompt = await read_prompt(self._actor.database, lease, name, context)
        manuscript = Manuscript(lease, self._writer)
        finish = None
        async with aclosing(provider.stream(prompt)) as stream:  # type: ignore[type-var]
            async for item in stream:
                if isinstance(item, Finish):
                    finish = item
                elif not _write_down(manuscript, item):
                    finish = Finish("length")
                    break
        await manuscript.stored()
        if finish is None:
            raise ProviderError(FAILED_TEXT, retryable=True)
        return Answer(manuscript.parts, finish.reason, finish.usage)

    async def _end(self, lease: Lease, outcome: Answer | ProviderError) -> None:
        while True:
            try:
                if isinstance(outcome, Answer):
                    await finish_generation(self._actor, lease, outcome)
                else:
                    wait = _pause(outcome, lease)
                    await give_up_generation(self._actor, lease, outcome.message, wait)
            except Unavailable:
                await asyncio.sleep(POLL)
            else:
                return

    async def _hand_back(self) -> None:
        jobs = list(self._jobs.values())
        for job in jobs:
            job.task.cancel()
        await asyncio.gather(*(job.task for job in jobs), return_exceptions=True)
        for job in jobs:
            await self._patiently(hand_back_generation(self._actor, job.lease))


def _write_down(manuscript: Manuscript, delta: Delta) -> bool:
    """Add a delta; False when the answer is as long as it may be."""
    if manuscript.length + len(delta.text) > CONTENT_LIMIT:
        return False
    manuscript.append(delta.part, delta.kind, delta.text)
    return True


def _pause(error: ProviderError, lease: Lease) -> timedelta | None:
    """How long to wait before the next try; None when none would help."""
    if not error.retryable:
        return None
    wait = error.retry_after if error.retry_after is not None else 0.5 * 2**lease.tries
    return timedelta(seconds=min(wait, LONGEST_WAIT))
