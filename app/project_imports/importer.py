"""The importer: takes imports that are due, reads what they name, keeps its hold on them.

What it has read is put into the project in one transaction, so whatever ends it before leaves the
project as it was, and another worker begins anew.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

import structlog

from app.leaseholder import Leaseholder, until_available
from app.outgoing import OutgoingFailed
from app.project_imports.failing import ImportFailed
from app.project_imports.sources import Meter, Source
from app.upkeep import patiently
from models.builder.import_jobs import (
    LOST,
    ImportJob,
    Progress,
    claim_imports,
    give_up_import,
    hand_back_import,
    note_progress,
    renew_imports,
)
from models.builder.import_results import Imported, finish_import
from models.builder.imports import Import, ImportSource
from models.errors import DomainError, Unavailable
from models.standing import renewed
from models.verbs import Actor
from models.viewer import viewer_of

POLL = 1.0  # seconds, when nothing wakes the importer
TELL = 1.0  # seconds between two notes of progress
NOTHING = Progress()
NO_PLACE = "You may not write to this project any more, or it is gone."

log = structlog.get_logger()


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
        self._lease = timedelta(seconds=lease)
        self._meters: dict[ImportJob, Meter] = {}
        self._holder: Leaseholder[ImportJob] = Leaseholder(
            self, slots=slots, lease=lease, poll=POLL
        )

    @property
    def running(self) -> int:
        """How many imports it carries out just now."""
        return len(self._holder.jobs)

    def changed(self, _owner: str, change: Mapping[str, Any]) -> None:
        """Follow the event log: new imports, and those that were called off."""
        id: str = change["id"]
        if id.startswith(f"{Import.prefix}_") and "due_at" in change["columns"]:
            self._holder.wake()
            self._holder.doubt(job for job in self._holder.jobs if job.import_id == id)

    async def run(self) -> None:
        """Work until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._holder.run())
            group.create_task(self._tell_forever())

    async def claim(self, free: int) -> Sequence[ImportJob]:
        """Take imports that are due."""
        return await claim_imports(self._actor, self._name, free, self._lease)

    async def renew(self, jobs: Sequence[ImportJob]) -> set[ImportJob]:
        """Hold imports for longer, and return those that still stand."""
        until = self._actor.clock.now() + self._lease
        async with self._actor.database.connection() as connection:
            return await renew_imports(connection, jobs, self._name, until)

    async def hand_back(self, job: ImportJob) -> None:
        """Leave an import to another worker."""
        await hand_back_import(self._actor, job)

    async def carry_out(self, job: ImportJob) -> None:
        """Read what an import names, and put it into its project."""
        meter = self._meters[job] = Meter()
        try:
            await self._end(job, meter, await self._read(job, meter))
        except Exception:
            log.exception("import.lost", id=job.import_id)
        finally:
            del self._meters[job]

    async def _tell_forever(self) -> None:
        """Have listeners hear how far each is, of whatever has moved since."""
        told: dict[ImportJob, Progress] = {}
        while True:
            await asyncio.sleep(TELL)
            for job, meter in list(self._meters.items()):
                progress = meter.progress()
                if not self._holder.is_ending(job) and told.get(job, NOTHING) != progress:
                    await patiently(note_progress(self._actor, job, progress))
                    told[job] = progress
            told = {job: progress for job, progress in told.items() if job in self._meters}

    async def _read(self, job: ImportJob, meter: Meter) -> Imported | ImportFailed:
        """What is to be kept of an import, or why nothing is."""
        try:
            return await self._sources[job.source].read(job, meter)
        except ImportFailed as error:
            return error
        except DomainError as error:
            return _failed(error)
        except Exception:
            log.exception("import.failed", id=job.import_id)
            return ImportFailed(LOST, retryable=True)
        finally:
            self._holder.let_end(job)

    async def _end(self, job: ImportJob, meter: Meter, outcome: Imported | ImportFailed) -> None:
        failed = outcome if isinstance(outcome, ImportFailed) else None
        if isinstance(outcome, Imported):
            failed = await self._kept(job, outcome, meter.progress())
        if failed is not None:
            await until_available(partial(self._give_up, job, failed))

    async def _kept(
        self, job: ImportJob, found: Imported, progress: Progress
    ) -> ImportFailed | None:
        """Put what was read into the project, as who asked; or why that can't be."""
        try:
            kept = await until_available(partial(self._finish, job, found, progress))
        except DomainError as error:
            log.info("import.refused", id=job.import_id, code=error.code)
            return ImportFailed(NO_PLACE)
        log.info("import.ended", id=job.import_id, kept=kept)
        return None

    async def _finish(self, job: ImportJob, found: Imported, progress: Progress) -> bool:
        actor = self._actor
        user = await renewed(viewer_of(job.user_id), actor.database, actor.clock.now())
        return await finish_import(replace(actor, viewer=user), job, found, progress)

    async def _give_up(self, job: ImportJob, error: ImportFailed) -> None:
        pause = error.pause(job.tries)
        wait = None if pause is None else timedelta(seconds=pause)
        await give_up_import(self._actor, job, error.message, wait)
        log.info("import.given_up", id=job.import_id, tries=job.tries, retry_in=pause)


def _failed(error: DomainError) -> ImportFailed:
    """A refusal of this server's, as what ends a try."""
    lasting = isinstance(error, OutgoingFailed) and error.lasting
    retryable = isinstance(error, Unavailable) and not lasting
    return ImportFailed(error.message, retryable=retryable)
