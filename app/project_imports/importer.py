"""The importer: takes imports that are due, reads what they name, keeps its hold on them.

What it has read is put into the project in one transaction, so whatever ends it before leaves the
project as it was, and another worker begins anew.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import structlog

from app.project_imports.failing import ImportFailed
from app.project_imports.sources import Meter, Source
from app.upkeep import patiently
from app.waiting import ended_within, woken
from models.builder.import_jobs import (
    LOST,
    ImportJob,
    claim_imports,
    give_up_import,
    hand_back_import,
    note_progress,
    renew_imports,
)
from models.builder.import_results import Imported, finish_import
from models.builder.imports import Import, ImportSource
from models.errors import DomainError, Forbidden, NotFound, Unauthenticated, Unavailable
from models.standing import renewed
from models.verbs import Actor
from models.viewer import viewer_of

POLL = 1.0  # seconds, when nothing wakes the importer
TELL = 1.0  # seconds between two notes of progress
HAND_BACK = 3.0  # seconds for leaving
NO_PLACE = "You may not write to this project any more, or it is gone."

log = structlog.get_logger()


@dataclass(slots=True)
class Running:
    """An import that is carried out here; `ending` once all is read and being kept."""

    task: asyncio.Task[None] | None = None
    meter: Meter = field(default_factory=Meter)
    ending: bool = False


class Importer:
    """Carries out imports until cancelled; then hands back what is unfinished."""

    def __init__(
        self,
        actor: Actor,
        sources: Mapping[ImportSource, Source],
        name: str,
        slots: int,
        lease: float,
    ) -> None:
        """`lease` in seconds: how long an import outlives its worker's last heartbeat."""
        self._actor = actor
        self._sources = sources
        self._name = name
        self._slots = slots
        self._lease = timedelta(seconds=lease)
        self._running: dict[ImportJob, Running] = {}
        self._woken = asyncio.Event()
        self._doubted = asyncio.Event()

    @property
    def running(self) -> int:
        """How many imports it carries out just now."""
        return len(self._running)

    def changed(self, _owner: str, change: Mapping[str, Any]) -> None:
        """Follow the event log: new imports, and those that were called off."""
        if change["id"].startswith(f"{Import.prefix}_") and "due_at" in change["columns"]:
            self._woken.set()
            self._doubted.set()

    async def run(self) -> None:
        """Work until cancelled."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._claim_forever())
                group.create_task(self._beat_forever())
                group.create_task(self._tell_forever())
        finally:
            await asyncio.shield(self._leave())

    async def _claim_forever(self) -> None:
        while True:
            await woken(self._woken, POLL)
            await patiently(self._claim())

    async def _claim(self) -> None:
        free = self._slots - len(self._running)
        if free <= 0:
            return
        for job in await claim_imports(self._actor, self._name, free, self._lease):
            running = self._running[job] = Running()
            running.task = asyncio.create_task(self._carry_out(job, running))

    async def _beat_forever(self) -> None:
        while True:
            await woken(self._doubted, self._lease.total_seconds() / 3)
            await patiently(self._beat())

    async def _beat(self) -> None:
        """Hold imports for longer, and stop those that are not to go on."""
        if not self._running:
            return
        jobs, until = list(self._running), self._actor.clock.now() + self._lease
        async with self._actor.database.connection() as connection:
            standing = await renew_imports(connection, jobs, self._name, until)
        for job in set(jobs) - standing:
            running = self._running.get(job)
            if running and running.task and not running.ending:
                running.task.cancel()

    async def _tell_forever(self) -> None:
        """Have listeners hear how far each is, of whatever has moved since."""
        told: dict[ImportJob, object] = {}
        while True:
            await asyncio.sleep(TELL)
            for job, running in list(self._running.items()):
                progress = running.meter.progress()
                if not running.ending and told.get(job, Meter().progress()) != progress:
                    await patiently(note_progress(self._actor, job, progress))
                    told[job] = progress
            told = {job: progress for job, progress in told.items() if job in self._running}

    async def _carry_out(self, job: ImportJob, running: Running) -> None:
        try:
            await self._end(job, running, await self._read(job, running))
        except Exception:
            log.exception("import.lost", id=job.import_id)
        finally:
            self._running.pop(job, None)
            self._woken.set()

    async def _read(self, job: ImportJob, running: Running) -> Imported | ImportFailed:
        """What is to be kept of an import, or why nothing is."""
        try:
            return await self._sources[job.source].read(job, running.meter)
        except ImportFailed as error:
            return error
        except DomainError as error:
            return _failed(error)
        except Exception:
            log.exception("import.failed", id=job.import_id)
            return ImportFailed(LOST, retryable=True)
        finally:
            running.ending = True

    async def _end(
        self, job: ImportJob, running: Running, outcome: Imported | ImportFailed
    ) -> None:
        while True:
            try:
                if isinstance(outcome, Imported):
                    outcome = await self._kept(job, running, outcome) or outcome
                if isinstance(outcome, ImportFailed):
                    await self._give_up(job, outcome)
            except Unavailable:
                await asyncio.sleep(POLL)
            else:
                return

    async def _kept(self, job: ImportJob, running: Running, found: Imported) -> ImportFailed | None:
        """Put what was read into the project, as who asked; or why that can't be."""
        actor, progress = self._actor, running.meter.progress()
        try:
            user = await renewed(viewer_of(job.user_id), actor.database, actor.clock.now())
            kept = await finish_import(replace(actor, viewer=user), job, found, progress)
        except (Forbidden, NotFound, Unauthenticated):
            return ImportFailed(NO_PLACE)
        except Unavailable:
            raise
        except DomainError as error:
            return _failed(error)
        log.info("import.ended", id=job.import_id, kept=kept)
        return None

    async def _give_up(self, job: ImportJob, error: ImportFailed) -> None:
        pause = error.pause(job.tries)
        wait = None if pause is None else timedelta(seconds=pause)
        await give_up_import(self._actor, job, error.message, wait)
        log.info("import.given_up", id=job.import_id, tries=job.tries, retry_in=pause)

    async def _leave(self) -> None:
        """Let what is read be kept, and hand the rest back."""
        jobs = dict(self._running)
        for running in jobs.values():
            if running.task and not running.ending:
                running.task.cancel()
        await ended_within(HAND_BACK, [one.task for one in jobs.values() if one.task])
        handing = [patiently(hand_back_import(self._actor, job)) for job in jobs]
        await ended_within(HAND_BACK, [asyncio.create_task(one) for one in handing])


def _failed(error: DomainError) -> ImportFailed:
    """A refusal of this server's, as what ends a try."""
    retryable = isinstance(error, Unavailable) and not getattr(error, "lasting", False)
    return ImportFailed(error.message, retryable=retryable)
