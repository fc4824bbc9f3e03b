"""`/files/<token>` takes and serves bytes by signed addresses; `/avatars/<id>` serves pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from app.files.receiving import Receiver
from app.files.serving import serve
from app.responses import SAFE_HEADERS, Handler, answered
from models.errors import NotFound
from models.files.stored_files import FileState, shown_avatar, signed_file

if TYPE_CHECKING:
    from app.config import Settings
    from app.cors import Origins
    from app.files.storage import Storage
    from models.ports import Database

PRIVATE = {"Cache-Control": "private, max-age=900"}
PUBLIC = {"Cache-Control": "public, max-age=3600"}
METHODS = {"Access-Control-Allow-Methods": "GET, HEAD, PUT"}


class FileRoutes:
    """Serves the routes. A token is all the right that there is: whoever has it may use it."""

    def __init__(
        self, settings: Settings, storage: Storage, database: Database, origins: Origins
    ) -> None:
        self._storage = storage
        self._database = database
        self._origins = origins
        self._receiver = Receiver(storage.store, settings)

    def add_to(self, app: web.Application) -> None:
        """Serve the routes."""
        app.router.add_put("/files/{token}", self._answered(self._put))
        app.router.add_get("/files/{token}", self._answered(self._get))
        app.router.add_options("/files/{token}", self._preflight)
        app.router.add_get("/avatars/{id}", self._answered(self._avatar))

    async def _put(self, request: web.Request) -> web.StreamResponse:
        _, id = self._storage.links.opened(request.match_info["token"], "upload")
        file = await signed_file(self._database, id)
        await self._receiver.receive(request, file)
        return web.Response(status=204, headers=SAFE_HEADERS)

    async def _get(self, request: web.Request) -> web.StreamResponse:
        token = request.match_info["token"]
        part, id = self._storage.links.opened(token, "file", "thumbnail")
        assert part != "upload"
        file = await signed_file(self._database, id)
        if file.state is not FileState.READY:
            raise NotFound("There is no such file yet.")
        headers = PRIVATE | self._origins.response_headers(request.headers)
        return await serve(request, self._storage.store, file, part, headers)

    async def _avatar(self, request: web.Request) -> web.StreamResponse:
        file = await shown_avatar(self._database, request.match_info["id"])
        return await serve(request, self._storage.store, file, "file", PUBLIC)

    def _answered(self, handler: Handler) -> Handler:
        async def answer(request: web.Request) -> web.StreamResponse:
            response = await answered(handler, request)
            if not response.prepared:
                response.headers.update(self._origins.response_headers(request.headers))
            return response

        return answer

    async def _preflight(self, request: web.Request) -> web.Response:
        headers = self._origins.preflight_headers(request.headers) | METHODS
        return web.Response(status=204, headers=headers)
