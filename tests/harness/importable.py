"""What imports are made from: GitHub's API and Figma's, spoken by servers on loopback.

Answers have the shapes of the real ones, and can be told to be slow, wrong or absent.
"""

from __future__ import annotations

import asyncio
import io
import stat
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from aiohttp import web
from aiohttp.test_utils import TestServer

from tests.harness.figma import FigmaServer
from tests.harness.github import GitHubServer, bad_credentials
from tests.harness.services import serving

TOKEN = "gho_planted"
COMMIT = "7fd1a60b01f91b314f59955a4e4d4e80d8edf11d"
FILES: Mapping[str, bytes] = {
    "package.json": b'{"name": "hello"}\n',
    "src/app/page.tsx": b"export default () => <h1>Hello</h1>\n",
    "src/[slug]/page.tsx": "// Grüße\n".encode(),
    ".env.example": b"KEY=\n",
}


def zipball(
    files: Mapping[str, bytes] = FILES, folder: str = "octocat-hello-7fd1a60/", **links: str
) -> bytes:
    """An archive as GitHub makes it: all in one folder, the commit as its comment."""
    written = io.BytesIO()
    with ZipFile(written, "w", ZIP_DEFLATED) as archive:
        archive.writestr(folder, b"")
        for path, data in files.items():
            archive.writestr(folder + path, data)
        for path, target in links.items():
            entry = ZipInfo(folder + path)
            entry.external_attr = (stat.S_IFLNK | 0o777) << 16
            archive.writestr(entry, target)
        archive.comment = COMMIT.encode()
    return written.getvalue()


class ImportableGitHub(GitHubServer):
    """A GitHub with one repository, whose archive another server sends.

    `odd` maps the last word of a path (`hello`, `main`, …) to another answer; `seen` has the path
    and the authorisation of each question about it, `fetched` the authorisations with which the
    archive was asked for. While `gate` is clear it stops half way.
    """

    def __init__(self) -> None:
        self.repository: dict[str, Any] = {
            "id": 1296269,
            "full_name": "octocat/hello",
            "html_url": "https://github.com/octocat/hello",
            "default_branch": "main",
            "private": True,
        }
        self.archive = zipball()
        self.sizes = True
        self.odd: dict[str, web.Response] = {}
        self.seen: list[tuple[str, str | None]] = []
        self.fetched: list[str | None] = []
        self.gate = asyncio.Event()
        self.gate.set()
        files = web.Application()
        files.router.add_get("/{path:.*}", self._send)
        self.files = TestServer(files)
        super().__init__()
        self.live.add(TOKEN)

    def add_to(self, app: web.Application) -> None:
        """Serve its routes."""
        super().add_to(app)
        app.router.add_get("/repos/{path:.*}", self._about)

    async def _about(self, request: web.Request) -> web.StreamResponse:
        self.seen.append((request.raw_path, request.headers.get("Authorization")))
        if odd := self.odd.get(request.path.rsplit("/", 1)[-1]):
            return copied(odd)
        if not self.bearer(request):
            return bad_credentials()
        match request.match_info["path"].split("/"):
            case ["octocat", "hello"]:
                return web.json_response(self.repository)
            case ["octocat", "hello", "commits", "main" | "v1"]:
                assert request.headers["Accept"] == "application/vnd.github.sha"
                return web.Response(text=COMMIT)
            case ["octocat", "hello", "zipball", sha] if sha == COMMIT:
                raise web.HTTPFound(self.files.make_url("/octocat/hello/legacy.zip?token=one"))
            case ["octocat", "hello", "commits", *_]:
                return web.json_response({"message": "No commit found"}, status=422)
            case _:
                return web.json_response({"message": "Not Found"}, status=404)

    async def _send(self, request: web.Request) -> web.StreamResponse:
        self.fetched.append(request.headers.get("Authorization"))
        response = web.StreamResponse(headers={"Content-Type": "application/zip"})
        if self.sizes:
            response.content_length = len(self.archive)
        await response.prepare(request)
        half = len(self.archive) // 2
        await response.write(self.archive[:half])
        await self.gate.wait()
        await response.write(self.archive[half:])
        await response.write_eof()
        return response


class ImportableFigma(FigmaServer):
    """A Figma with one file, `abcDEF123456`; for `odd` and `seen` see ImportableGitHub."""

    def __init__(self) -> None:
        self.file: dict[str, Any] = {
            "name": "Shop",
            "lastModified": "2026-05-01T10:00:00Z",
            "version": "5519",
            "editorType": "figma",
            "thumbnailUrl": "https://s3-alpha.figma.example/thumbnails/one",
            "document": {
                "id": "0:0",
                "type": "DOCUMENT",
                "children": [
                    {"id": "0:1", "name": "Start", "type": "CANVAS", "children": []},
                    {"id": "0:2", "name": "Cart", "type": "CANVAS", "children": []},
                ],
            },
            "components": {"1:2": {"key": "k", "name": "Button", "description": ""}},
            "styles": {"1:3": {"key": "s", "name": "Brand", "styleType": "FILL"}},
        }
        self.odd: web.Response | None = None
        self.seen: list[tuple[str, str | None]] = []
        super().__init__()
        self.live.add(TOKEN)

    def add_to(self, app: web.Application) -> None:
        """Serve its routes."""
        super().add_to(app)
        app.router.add_get("/v1/files/{key}", self._file)

    async def _file(self, request: web.Request) -> web.StreamResponse:
        self.seen.append((request.raw_path, request.headers.get("Authorization")))
        if self.odd is not None:
            return copied(self.odd)
        if not self.bearer(request):
            return web.json_response({"status": 403, "err": "Invalid token"}, status=403)
        if request.match_info["key"] != "abcDEF123456":
            return web.json_response({"status": 404, "err": "Not found"}, status=404)
        return web.json_response(self.file)


def copied(response: web.Response) -> web.Response:
    """The same again: one may be sent once only."""
    headers = {k: v for k, v in response.headers.items() if k != "Content-Length"}
    return web.Response(status=response.status, body=response.body, headers=headers)


@asynccontextmanager
async def importable() -> AsyncIterator[tuple[ImportableGitHub, ImportableFigma]]:
    """Both, running."""
    async with (
        serving(ImportableGitHub()) as github,
        serving(ImportableFigma()) as figma,
        github.files,
    ):
        yield github, figma
