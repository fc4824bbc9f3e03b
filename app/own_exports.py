"""`/exports/<token>`: all that is a user's, in a ZIP of the form that `punnet export` writes.

The file is written first, from one snapshot, and then sent: so a slow reader holds no snapshot and
no connection, and an error is told before anything was sent. It has no name on the disk.
"""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, TYPE_CHECKING
from zipfile import ZipFile

import structlog
from aiohttp import web

from app.database import PLANNING, connect, lost
from app.exporting import (
    Manifest,
    exported_models,
    exported_table,
    replacing,
    write_manifest,
    write_rows,
)
from app.files.moving import export_files
from app.importing.accounts import user_named
from app.migrations import newest
from app.responses import SAFE_HEADERS, plain_refusal
from models.accounts.exporting import (
    PURPOSE,
    ExportLink,
    count_download,
    follow_link,
    own_tables,
)
from models.errors import DomainError, Invalid, NotFound, TimedOut, Unavailable
from models.files.stored_files import StoredFile

if TYPE_CHECKING:
    from app.callers import Callers
    from app.contexts import PunnetContexts
    from app.cors import Origins
    from app.files.store import Store
    from app.process import Services
    from models.base import Record

AT_ONCE = 2  # files that one process writes
PATIENCE = 300.0  # seconds for one to be written
HEADERS = {**SAFE_HEADERS, "Referrer-Policy": "no-referrer"}
ATTACHED = {
    "Content-Type": "application/zip",
    "Content-Disposition": 'attachment; filename="punnet-data.zip"',
}

WITHHELD: dict[type[Record], tuple[str, ...]] = {StoredFile: ("storage_key",)}
"""Columns that are ours alone: where bytes lie is for nobody to know or choose."""

log = structlog.get_logger()


class OwnManifest(Manifest):
    """What a user's export has; `left_out` names the tables whose rows belong to nobody."""

    user: str
    left_out: list[str]


class OwnExports:
    """Serves the exports of users from the database at `url`."""

    def __init__(
        self,
        url: str,
        services: Services,
        contexts: PunnetContexts,
        callers: Callers,
        origins: Origins,
    ) -> None:
        self._url = url
        self._store = services.storage.store
        self._services = services
        self._contexts = contexts
        self._callers = callers
        self._origins = origins
        self._busy = 0

    def add_to(self, app: web.Application) -> None:
        """Serve the route."""
        app.router.add_get("/exports/{token}", self._get, allow_head=False)
        app.router.add_options("/exports/{token}", self._preflight)

    async def _get(self, request: web.Request) -> web.Response:
        try:
            self._origins.check(request.headers)
            response = await self._sent(request)
        except DomainError as error:
            log.info("own_export.refused", code=error.code)
            response = plain_refusal(error)
        response.headers.update(HEADERS | self._origins.response_headers(request.headers))
        return response

    async def _preflight(self, request: web.Request) -> web.Response:
        return web.Response(status=204, headers=self._origins.preflight_headers(request.headers))

    async def _sent(self, request: web.Request) -> web.Response:
        ports, link = self._services.ports, self._link(request.match_info["token"])
        viewer = await self._contexts.authenticate(self._callers.of(request))
        await follow_link(link, viewer, ports.database, ports.clock.now())
        with self._slot():
            await count_download(self._services.actor, link)
            file = await self._written(link.user_id)
        # The file is closed once it is sent, or could not be.
        return web.Response(body=file, headers=ATTACHED)

    def _link(self, token: str) -> ExportLink:
        try:
            return ExportLink.of_signed(self._services.ports.signer.open(PURPOSE, token))
        except Invalid:
            raise NotFound("There is no such export.") from None

    @contextmanager
    def _slot(self) -> Generator[None, None, None]:
        if self._busy == AT_ONCE:
            raise Unavailable("Others are being written; come back in a moment.", retry_after=5)
        self._busy += 1
        try:
            yield
        finally:
            self._busy -= 1

    async def _written(self, user_id: str) -> IO[bytes]:
        file = TemporaryFile()  # noqa: SIM115 - whoever sends it closes it
        try:
            async with asyncio.timeout(PATIENCE):
                with lost():
                    await write_own_export(self._url, self._store, user_id, file)
        except TimeoutError:
            file.close()
            raise TimedOut("It took too long to write.") from None
        except BaseException:
            file.close()
            raise
        log.info("own_export.written", user=user_id, bytes=file.tell())
        file.seek(0)
        return file


async def write_own_export(url: str, store: Store, user_id: str, file: IO[bytes]) -> OwnManifest:
    """Write one snapshot of what a user owns, and the files in `store` that are theirs."""
    connection, manifest = await connect(url, server_settings=PLANNING), empty_own_manifest(user_id)
    try:
        with ZipFile(file, "w") as archive:
            async with connection.transaction(isolation="repeatable_read", readonly=True):
                for model, where in _own():
                    table = manifest.tables[model.table()]
                    await write_rows(connection, archive, model, table, where, user_id)
                files = await export_files(connection, archive, store, user_id)
            write_manifest(archive, manifest, files)
    finally:
        await connection.close()
    return manifest


async def export_user(url: str, store: Store, who: str, target: Path) -> OwnManifest:
    """Write what a user owns to `target`, as they get it themselves. Raises NotFound, OSError."""
    connection = await connect(url)
    try:
        user_id = await user_named(connection, who)
    finally:
        await connection.close()
    with replacing(target) as file:
        return await write_own_export(url, store, user_id, file)


def empty_own_manifest(user_id: str) -> OwnManifest:
    """The manifest of a user who owns nothing."""
    tables = {model.table(): exported_table(model, *WITHHELD.get(model, ())) for model, _ in _own()}
    others = [model.table() for model in exported_models() if model.table() not in tables]
    return OwnManifest(migration=newest(), tables=tables, user=user_id, left_out=others)


def _own() -> list[tuple[type[Record], str]]:
    """The tables of `own_tables` in the order of an export."""
    own = own_tables()
    return [(model, own[model]) for model in exported_models() if model in own]
