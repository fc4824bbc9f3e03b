"""Import of a snapshot: stage, resolve, merge; all of it is committed, or none."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import asyncpg  # pyright: ignore[reportMissingTypeStubs] - it has none

from app.cipher import Cipher
from app.clock import SystemClock
from app.convex.derived import derive
from app.convex.merging import OWNERS, merge
from app.convex.placing import count_on, place_messages
from app.convex.report import Report
from app.convex.resolving import resolve
from app.convex.secrets import Sealer
from app.convex.snapshot import Progress, Snapshot, open_snapshot
from app.convex.source import Source
from app.convex.sources import MESSAGES, ORDER, TABLES
from app.convex.staging import Stager, stage
from app.database import connect, use_json
from models.changes import note_import
from models.errors import Conflict

MEMORY = "SET work_mem = '64MB'"

Stage = Callable[[str, int], Progress]
"""Told of the next step and its size in bytes, 0 where that is not known."""


class Refused(Exception):
    """A strict import that found something it would have to leave out or mend."""

    def __init__(self, report: Report) -> None:
        super().__init__("the snapshot has flaws")
        self.report = report


class ConvexImport:
    """One import into the database at `url`.

    `strict` refuses flaws, `dry_run` writes nothing; both report the same as the import would.
    """

    def __init__(
        self, url: str, cipher: Cipher, *, strict: bool = False, dry_run: bool = False
    ) -> None:
        self._url = url
        self._sealer = Sealer(cipher)
        self._strict = strict
        self._dry_run = dry_run

    async def run(self, path: Path, stage: Stage) -> Report:
        """Import a snapshot. Raises BadSnapshot, Refused or Conflict, with nothing written."""
        started = time.perf_counter()
        report = Report()
        connection = await connect(self._url)
        try:
            await use_json(connection)
            with open_snapshot(path) as snapshot:
                await self._stage(connection, snapshot, report, stage)
            await self._merge(connection, report, stage)
        finally:
            await connection.close()
        report.seconds = time.perf_counter() - started
        return report

    async def _stage(
        self, connection: Any, snapshot: Snapshot, report: Report, show: Stage
    ) -> None:
        await connection.execute(MEMORY)
        for source in TABLES:
            progress = show(source.name, snapshot.size(source.name))
            stager = Stager(source, report, self._sealer.seal)
            await stage(connection, stager, snapshot, progress)
        known = {source.name for source in TABLES}
        for table in snapshot.tables:
            if table not in known and not table.startswith("_"):
                report.count(table, "table left out: not known")

    async def _merge(self, connection: Any, report: Report, show: Stage) -> None:
        transaction = connection.transaction()
        await transaction.start()
        try:
            await self._merge_all(connection, report, show)
        except asyncpg.UniqueViolationError as error:
            await transaction.rollback()
            raise Conflict("Something was written at the same time; try again.") from error
        except BaseException:
            await transaction.rollback()
            raise
        await (transaction.rollback() if self._dry_run else transaction.commit())

    async def _merge_all(self, connection: Any, report: Report, show: Stage) -> None:
        await connection.execute(OWNERS)
        for source in ORDER:
            show(f"merging {source.name}", 0)
            await self._merge_one(connection, source, report)
        await connection.execute(
            note_import("SELECT owner_id FROM imported_owner"), SystemClock().now()
        )
        if self._strict and report.flaws:
            raise Refused(report)

    async def _merge_one(self, connection: Any, source: Source, report: Report) -> None:
        await derive(connection, source)
        await resolve(connection, source, report)
        if source.secrets:
            await self._sealer.bind(connection, source)
        if source is MESSAGES:
            await place_messages(connection)
        await merge(connection, source, report)
        if source is MESSAGES:
            await count_on(connection)
