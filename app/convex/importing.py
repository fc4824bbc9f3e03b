"""Import of a snapshot: stage, resolve, merge; all of it is committed, or none."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from app.cipher import Cipher
from app.clock import SystemClock
from app.convex import AppName
from app.convex.apps import app_of
from app.convex.files import Keeper
from app.convex.merging import OWNERS, merge
from app.convex.placing import count_on, place_messages
from app.convex.report import Report
from app.convex.resolving import derive, resolve
from app.convex.secrets import Sealer
from app.convex.snapshot import Progress, Snapshot, open_snapshot
from app.convex.source import App, Source
from app.convex.staging import Stager, stage
from app.database import connect, use_json
from app.importing.merging import one_transaction
from models.changes import note_import
from models.chat.messages import Message
from models.errors import Conflict

MEMORY = "SET work_mem = '64MB'"
ALONE = "SELECT pg_try_advisory_lock(hashtext('punnet.import'))"

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
        self,
        url: str,
        cipher: Cipher,
        keeper: Keeper,
        *,
        app: AppName | None = None,
        strict: bool = False,
        dry_run: bool = False,
    ) -> None:
        self._url = url
        self._sealer = Sealer(cipher)
        self._keeper = keeper
        self._app = app
        self._strict = strict
        self._dry_run = dry_run

    async def run(self, path: Path, show: Stage) -> Report:
        """Import a snapshot. Raises Invalid, Refused or Conflict, with nothing written."""
        started = time.perf_counter()
        report = Report()
        connection = await connect(self._url)
        try:
            await use_json(connection)
            await self._bring(connection, path, report, show)
        finally:
            await connection.close()
        report.seconds = time.perf_counter() - started
        return report

    async def _bring(self, connection: Any, path: Path, report: Report, show: Stage) -> None:
        if not await connection.fetchval(ALONE):
            raise Conflict("Another import is going on.")
        with open_snapshot(path) as snapshot:
            app = app_of(snapshot.tables, self._app)
            report.app = app.name
            await self._stage(connection, app, snapshot, report, show)
            try:
                if app.files:
                    keeping = show("files", 0)
                    await self._keeper.keep(
                        connection, snapshot, report, keeping, dry=self._dry_run
                    )
                async with one_transaction(connection, dry_run=self._dry_run):
                    await self._merge(connection, app, report, show)
            finally:
                if app.files and not self._dry_run:
                    await self._keeper.forget(connection)

    async def _stage(
        self, connection: Any, app: App, snapshot: Snapshot, report: Report, show: Stage
    ) -> None:
        await connection.execute(MEMORY)
        for source in app.tables:
            progress = show(source.name, snapshot.size(snapshot.table_of(source)))
            stager = Stager(source, report, self._sealer.seal)
            await stage(connection, stager, snapshot, progress)
        for table in snapshot.tables:
            why = app.left_out.get(table, "table left out: not known")
            if table in app.left_out:
                documents = sum(1 for _ in snapshot.documents(table, show(table, 0)))
                report.count(table, why, documents)
            elif table not in app.names and not table.startswith("_"):
                report.count(table, why)

    async def _merge(self, connection: Any, app: App, report: Report, show: Stage) -> None:
        await connection.execute(OWNERS)
        for source in app.order:
            show(f"merging {source.name}", 0)
            await self._merge_one(connection, app, source, report)
        await connection.execute(
            note_import("SELECT owner_id FROM imported_owner"), SystemClock().now()
        )
        if self._strict and report.flaws:
            raise Refused(report)

    async def _merge_one(self, connection: Any, app: App, source: Source, report: Report) -> None:
        await derive(connection, app, source)
        await resolve(connection, source, report)
        if source.secrets:
            await self._sealer.bind(connection, source)
        if source.model is Message:
            await place_messages(connection, report)
        await merge(connection, source, report)
        if source.model is Message:
            await count_on(connection)
