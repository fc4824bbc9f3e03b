"""What a stranger may send: everything, and nothing of it is kept that is not what it claims."""

from __future__ import annotations

import asyncio
import io
import struct
import zlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from obstore.exceptions import GenericError
from PIL import Image

from app.files.store import Store
from models.errors import Unavailable
from tests.app.http import bare_at
from tests.harness.api import Refused, Server, StartServer
from tests.harness.eventually import eventually
from tests.harness.uploading import announce, complete, http, image, put, send, urls_of

SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
HTML = b"<!doctype html><script>alert(1)</script>"


def chunk(kind: bytes, data: bytes) -> bytes:
    """A chunk of a PNG."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(*chunks: tuple[bytes, bytes], size: tuple[int, int] = (1, 1)) -> bytes:
    """A PNG with these chunks after its head."""
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", *size, 8, 2, 0, 0, 0))
    parts = [chunk(*one) for one in (*chunks, (b"IEND", b""))]
    return b"\x89PNG\r\n\x1a\n" + head + b"".join(parts)


def gif(frames: int, size: int) -> bytes:
    """A GIF of so many frames, each with a point of its own."""
    pictures = [Image.new("P", (size, size)) for _ in range(frames)]
    for number, picture in enumerate(pictures):
        picture.putpixel((number % size, number // size % size), 1)
    written = io.BytesIO()
    pictures[0].save(written, "GIF", save_all=True, append_images=pictures[1:], optimize=False)
    return written.getvalue()


BAD: dict[str, tuple[str, bytes]] = {
    "html as png": ("image/png", HTML),
    "svg as png": ("image/png", SVG),
    "svg as webp": ("image/webp", SVG),
    "jpeg as png": ("image/png", image("JPEG")),
    "png as gif": ("image/gif", image("PNG")),
    "zip as xlsx": (
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        b"PK\x03\x04 and nothing of a workbook",
    ),
    "text as pdf": ("application/pdf", b"no %PDF-1.7 at the start"),
    "binary as text": ("text/plain", b"MZ\x00\x01\x02"),
    "latin-1 as text": ("text/csv", "Grüße".encode("latin-1")),
    "escapes as text": ("text/plain", b"\x1b]0;title\x07"),
    "text as json": ("application/json", b"{'a': 1}"),
    "deep json": ("application/json", b"[" * 100_000 + b"]" * 100_000),
    "gif with script": ("image/gif", b"GIF89a/*" + b"*/=1;alert(1)//" * 9),
    "only a magic number": ("image/png", b"\x89PNG\r\n\x1a\n"),
    "truncated jpeg": ("image/jpeg", image("JPEG", (900, 900))[:4_000]),
    "truncated png": ("image/png", image("PNG", (900, 900))[:-40]),
    "wide png": ("image/png", png((b"IDAT", zlib.compress(b"")), size=(100_000, 100_000))),
    "large png": ("image/png", image("PNG", (8_000, 5_001), mode="1")),
    "comment bomb": (
        "image/png",
        png((b"zTXt", b"a\0\0" + zlib.compress(bytes(80 << 20))), (b"IDAT", b"")),
    ),
    "pixels of a bomb": ("image/png", png((b"IDAT", zlib.compress(bytes(9))), size=(6_000, 6_000))),
    "many frames": ("image/gif", gif(1_002, 40)),
}


@pytest.mark.parametrize("what", BAD)
async def test_what_is_no_such_file_is_refused(server: Server, tmp_path: Path, what: str) -> None:
    ada, (content_type, data) = server.user(), BAD[what]
    with pytest.raises(Refused) as refused:
        await send(ada, data, content_type)
    assert refused.value.code == "INVALID"
    assert refused.value.errors[0]["extensions"]["field"] == "id"
    (row,) = await server.sql("SELECT id, state FROM stored_file")
    assert row["state"] == "pending"
    assert (await urls_of(ada, row["id"]))["url"] is None
    kept = [path.name for path in (tmp_path / "data" / "files").rglob("*") if path.is_file()]
    assert kept == ["upload"]


async def test_a_valid_image_with_something_behind_it_stays_an_image(server: Server) -> None:
    ada, data = server.user(), image("PNG") + b"PK\x03\x04" + HTML
    file = await send(ada, data, "image/png", fileName="evil.html")
    urls = await urls_of(ada, file["id"])
    answer = await http(ada, "GET", urls["url"], headers={"Accept": "text/html"})
    assert answer.body == data
    assert answer.headers["Content-Type"] == "image/png"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    small = (await http(ada, "GET", urls["thumbnailUrl"])).body
    assert HTML not in small, "what we make ourselves has nothing of it"


LIES: dict[str, tuple[dict[str, Any], str]] = {
    "svg": ({"contentType": "image/svg+xml"}, "contentType"),
    "html": ({"contentType": "text/html"}, "contentType"),
    "with parameters": ({"contentType": "text/plain; charset=utf-8"}, "contentType"),
    "upper case": ({"contentType": "IMAGE/PNG"}, "contentType"),
    "too large": ({"size": (10 << 20) + 1}, "size"),
    "nothing": ({"size": 0}, "size"),
    "less than nothing": ({"size": -1}, "size"),
    "no digest": ({"sha256": "0" * 63}, "sha256"),
    "another digest": ({"sha256": "G" * 64}, "sha256"),
    "a folder": ({"fileName": "../../etc/passwd"}, "fileName"),
    "a root": ({"fileName": "/etc/passwd"}, "fileName"),
    "a drive": ({"fileName": "C:\\boot.ini"}, "fileName"),
    "above": ({"fileName": ".."}, "fileName"),
    "a line": ({"fileName": "a\r\nSet-Cookie: a=b"}, "fileName"),
    "turned": ({"fileName": "photo\u202egnp.exe"}, "fileName"),
    "long": ({"fileName": "a" * 256}, "fileName"),
    "blank": ({"fileName": "  "}, "fileName"),
    "pdf as avatar": ({"contentType": "application/pdf", "purpose": "AVATAR"}, "contentType"),
}


@pytest.mark.parametrize("what", LIES)
async def test_what_cannot_be_uploaded_is_not_announced(server: Server, what: str) -> None:
    told, field = LIES[what]
    with pytest.raises(Refused) as refused:
        await announce(server.user(), b"abc", "image/png", **told)
    assert (refused.value.code, refused.value.errors[0]["extensions"]["field"]) == (
        "INVALID",
        field,
    )
    assert await server.sql("SELECT id FROM stored_file") == []


async def test_another_digest_than_announced_is_refused(server: Server) -> None:
    ada = server.user()
    with pytest.raises(Refused, match="SHA-256"):
        await send(ada, b"abc", "text/plain", sha256="0" * 64)


async def pieces(count: int) -> AsyncIterator[bytes]:
    """A body whose length nobody announces."""
    for _ in range(count):
        yield b"abc"
        await asyncio.sleep(0)


@pytest.mark.parametrize(("sent", "status"), [(b"ab", 400), (b"abcd", 413), (b"", 400)])
async def test_other_sizes_are_refused(server: Server, sent: bytes, status: int) -> None:
    ada = server.user()
    upload = await announce(ada, b"abc", "text/plain")
    assert (await put(ada, upload, sent)).status == status
    streamed = await put(ada, upload, pieces(3))
    assert streamed.status == 413
    assert b"TOO_LARGE" in streamed.body
    assert await code_of_completing(ada, upload) == "CONFLICT"
    assert (await put(ada, upload, pieces(1))).status == 204, "of the announced size"


async def code_of_completing(api: Any, upload: Any) -> str:
    with pytest.raises(Refused) as refused:
        await complete(api, upload)
    return refused.value.code


async def test_a_large_body_is_refused_before_it_comes(server: Server) -> None:
    ada = server.user()
    upload = await announce(ada, b"abc", "text/plain")
    head = f"PUT {upload.url} HTTP/1.1\r\nHost: x\r\nContent-Length: {1 << 40}\r\n\r\n"
    async with bare_at(server.url) as (reader, writer):
        writer.write(head.encode())
        async with asyncio.timeout(5):
            assert b" 413 " in await reader.readline()


async def test_a_compressed_body_is_refused(server: Server) -> None:
    ada = server.user()
    upload = await announce(ada, b"abc", "text/plain")
    assert (await put(ada, upload, b"abc", **{"Content-Encoding": "gzip"})).status == 415


async def slowly(pause: asyncio.Event) -> AsyncIterator[bytes]:
    """A body that stops in the middle."""
    yield b"a"
    await pause.wait()
    yield b"bc"


async def test_a_slow_upload_is_ended(start_server: StartServer, tmp_path: Path) -> None:
    server = await start_server(upload_timeout=0.3)
    ada = server.user()
    upload = await announce(ada, b"abc", "text/plain")
    async with bare_at(server.url) as (reader, writer):
        writer.write(f"PUT {upload.url} HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\na".encode())
        async with asyncio.timeout(60):
            assert b" 408 " in await reader.readline()

    async def gone() -> bool:  # the storage tidies up in a thread of its own
        return not any(path.is_file() for path in (tmp_path / "data" / "files").rglob("*"))

    assert await eventually(gone)


async def held(
    api: Any, first: Any, second: Any, go: asyncio.Event
) -> tuple[asyncio.Task[Any], Any]:
    """An upload that goes on until it is told to end, and the answer to another meanwhile."""
    while True:
        running = asyncio.create_task(put(api, first, slowly(go)))
        while not running.done():  # as it is when the other one was first to come
            answer = await put(api, second, b"abc")
            if answer.status != 204:
                return running, answer


@pytest.mark.parametrize(
    ("settings", "status", "other"),
    [({"user_uploads": 1}, 429, 204), ({"uploads": 1}, 503, 503)],
)
async def test_uploads_at_once_are_bounded(
    start_server: StartServer, settings: dict[str, int], status: int, other: int
) -> None:
    server = await start_server(**settings)
    ada, eve, go = server.user("ada"), server.user("eve"), asyncio.Event()
    first, second = [await announce(ada, b"abc", "text/plain") for _ in range(2)]
    others = await announce(eve, b"abc", "text/plain")
    async with asyncio.timeout(20):
        running, answer = await held(ada, first, second, go)
    try:
        assert (answer.status, "Retry-After" in answer.headers) == (status, True)
        assert (await put(eve, others, b"abc")).status == other
    finally:
        go.set()
    assert (await running).status == 204
    assert (await put(ada, second, b"abc")).status == 204, "there is room again"


async def test_parallel_uploads_and_completions_give_one_whole_file(
    start_server: StartServer,
) -> None:
    server = await start_server(user_uploads=20)
    ada = server.user()
    texts = [bytes([97 + number]) * 200_000 for number in range(8)]
    upload = await announce(ada, texts[0], "text/plain")
    answers = await asyncio.gather(*(put(ada, upload, text) for text in texts))
    assert {answer.status for answer in answers} == {204}
    doing = [put(ada, upload, text) for text in texts]
    done = await asyncio.gather(
        *doing, *(complete(ada, upload) for _ in range(4)), return_exceptions=True
    )
    files = [one for one in done if isinstance(one, dict)]
    assert files, done
    assert all(file == files[0] for file in files)
    url = (await urls_of(ada, upload.id))["url"]
    assert (await http(ada, "GET", url)).body in texts


async def test_a_storage_that_fails_is_told_by_a_code(server: Server, tmp_path: Path) -> None:
    ada = server.user()
    upload = await announce(ada, b"abc", "text/plain")
    root = tmp_path / "data" / "files"
    root.parent.mkdir(exist_ok=True)
    root.write_text("no folder")
    answer = await put(ada, upload, b"abc")
    assert (answer.status, b"UNAVAILABLE" in answer.body) == (503, True)
    assert str(tmp_path).encode() not in answer.body
    assert await code_of_completing(ada, upload) == "UNAVAILABLE"


class Full:
    """A folder on a disk without room."""

    async def put_async(self, *_: Any, **__: Any) -> None:
        raise GenericError("Generic LocalFileSystem error: No space left on device (os error 28)")


async def test_a_full_disk_is_told_in_words() -> None:
    full: Any = Full()
    with pytest.raises(Unavailable, match="no room"):
        await Store(lambda: full, signs=False).write("a", pieces(1))


async def test_uploads_are_counted(start_server: StartServer) -> None:
    server = await start_server(worker=False)
    ada, eve = server.user("ada"), server.user("eve")
    await announce(ada, b"abc", "text/plain")
    await server.sql("UPDATE rate_limit SET count = limit_count")
    with pytest.raises(Refused) as refused:
        await announce(ada, b"abc", "text/plain")
    assert refused.value.code == "RATE_LIMITED"
    await announce(eve, b"abc", "text/plain")
