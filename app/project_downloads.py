"""`/downloads/<token>`: the files of a project in a ZIP, the same bytes for the same files.

It is written first, and then sent: so an error is told before anything was sent, and its length is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from tempfile import TemporaryFile
from typing import IO, TYPE_CHECKING, Any
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

import structlog
from aiohttp import web

from app.files.serving import disposition
from app.responses import SAFE_HEADERS, answered
from app.threads import Crowded, Places, Threads
from models.builder.downloading import (
    PURPOSE,
    DownloadLink,
    count_download,
    downloaded,
    files_behind,
    follow_link,
)
from models.errors import Invalid, NotFound, Unavailable

if TYPE_CHECKING:
    from app.callers import Callers
    from app.contexts import PunnetContexts
    from app.cors import Origins
    from app.process import Services

AT_ONCE = 2  # ZIPs that one process writes
WAITING = 100

HEADERS = {**SAFE_HEADERS, "Referrer-Policy": "no-referrer", "Content-Type": "application/zip"}
UNIX = 3
READABLE = 0o100644 << 16

log = structlog.get_logger()


class ProjectDownloads:
    """Serves the files of projects, few at once."""

    def __init__(
        self, services: Services, contexts: PunnetContexts, callers: Callers, origins: Origins
    ) -> None:
        self._services = services
        self._contexts = contexts
        self._callers = callers
        self._origins = origins
        self._places = Places(AT_ONCE, WAITING)
        self._threads = Threads("downloads", AT_ONCE, AT_ONCE)

    def add_to(self, app: web.Application) -> None:
        """Serve the route."""
        app.on_cleanup.append(self._close)
        app.router.add_get("/downloads/{token}", self._get, allow_head=False)
        app.router.add_options("/downloads/{token}", self._preflight)

    async def _get(self, request: web.Request) -> web.StreamResponse:
        response = await answered(self._sent, request)
        response.headers.update(self._origins.response_headers(request.headers))
        return response

    async def _preflight(self, request: web.Request) -> web.Response:
        return web.Response(status=204, headers=self._origins.preflight_headers(request.headers))

    async def _sent(self, request: web.Request) -> web.Response:
        self._origins.check(request.headers)
        ports, link = self._services.ports, self._link(request.match_info["token"])
        caller = self._callers.of(request)
        viewer = await self._contexts.authenticate(caller)
        found = await follow_link(link, viewer, ports.database, ports.clock.now())
        actor = self._contexts.desk(caller, found.reader).actor
        await count_download(replace(actor, rates=ports.rates, client=caller.client), link)
        file = await self._written(link)
        named = {"Content-Disposition": disposition("attachment", f"{found.name}.zip")}
        log.info("project.downloaded", project=link.project_id, user=link.user_id)
        # The file is closed once it is sent, or could not be.
        return web.Response(body=file, headers=HEADERS | named)

    async def _written(self, link: DownloadLink) -> IO[bytes]:
        """The ZIP. Whoever waits holds no files yet: they are read once there is a place."""
        try:
            async with self._places.place():
                files = await files_behind(link, self._services.ports.database)
                return await self._threads.run(lambda: zipped(files))
        except Crowded:
            raise Unavailable("Too many are being written; come back.", retry_after=5) from None

    async def _close(self, _app: web.Application) -> None:
        self._threads.close()

    def _link(self, token: str) -> DownloadLink:
        try:
            return DownloadLink.of_signed(self._services.ports.signer.open(PURPOSE, token))
        except Invalid:
            raise NotFound("There is no such download.") from None


def zipped(files: Mapping[str, Any]) -> IO[bytes]:
    """A ZIP of a fragment's files, in the order of paths, without a time. Blocks.

    Raises NotFound where none are to be had.
    """
    found = downloaded(files)
    file = TemporaryFile()  # noqa: SIM115 - whoever sends it closes it
    with ZipFile(file, "w", ZIP_DEFLATED) as archive:
        for path in sorted(found):
            entry = ZipInfo(path)
            entry.create_system, entry.external_attr = UNIX, READABLE
            entry.compress_type = ZIP_DEFLATED
            archive.writestr(entry, found[path])
    file.seek(0)
    return file
