"""Answering with the bytes of a file, so that a browser shows or saves them but runs nothing."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from urllib.parse import quote

from aiohttp import web

from app.files.inspecting import kept_name
from models.files.media_types import AVATAR_TYPE, IMAGES, TEXTS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from app.files.store import Store
    from models.files.stored_files import StoredFile
    from models.storing import Part

SECONDS = 600.0  # for a reader to take a whole file
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Cross-Origin-Resource-Policy": "cross-origin",
    "Referrer-Policy": "no-referrer",
    "Accept-Ranges": "bytes",
}


async def serve(
    request: web.Request, store: Store, file: StoredFile, part: Part, headers: Mapping[str, str]
) -> web.StreamResponse:
    """Answer with a file or a range of it. Raises NotFound, Unavailable."""
    name = kept_name(file.storage_key, file.sha256 or "", part)
    size, tag = await store.size(name), f'"{file.sha256}.{part}"'
    told = {**HEADERS, **described(file, part), **headers, "ETag": tag}
    if tag in request.headers.get("If-None-Match", ""):
        return web.Response(status=304, headers=told)
    try:
        start, end = wanted_range(request, size, tag)
    except ValueError:
        told["Content-Range"] = f"bytes */{size}"
        return web.Response(status=416, headers=told)
    whole = (start, end) == (0, size)
    if not whole:
        told["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
    response = web.StreamResponse(status=200 if whole else 206, headers=told)
    response.content_length = end - start
    await response.prepare(request)
    if request.method != "HEAD":
        async with asyncio.timeout(SECONDS):
            async for piece in store.read(name, start, end):
                await response.write(piece)
    return response


def wanted_range(request: web.Request, size: int, tag: str) -> tuple[int, int]:
    """The first byte and the one after the last that a request asks for. Raises ValueError."""
    if request.headers.get("If-Range", tag) != tag or "," in request.headers.get("Range", ""):
        return 0, size  # of another version, or several ranges, of which none need be served
    start, end, _ = request.http_range.indices(size)
    if request.http_range.start is not None and start >= end:
        raise ValueError("a range past the end")
    return start, end


def described(file: StoredFile, part: Part) -> dict[str, str]:
    """What a browser is told to do with a file: show safe images, save everything else."""
    kind = AVATAR_TYPE if part == "thumbnail" else file.content_type
    shown = "inline" if kind in IMAGES else "attachment"
    return {
        "Content-Type": f"{kind}; charset=utf-8" if kind in TEXTS else kind,
        "Content-Disposition": disposition(shown, file.file_name),
    }


def disposition(shown: str, name: str) -> str:
    """RFC 6266: a name for old readers in plain letters, and the name itself."""
    plain = "".join(c if c.isascii() and (c.isalnum() or c in " ._-()") else "_" for c in name)
    return f"{shown}; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
