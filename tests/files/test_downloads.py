"""Downloads: by signed addresses that end, and as browsers run nothing of them."""

from __future__ import annotations

import io
from typing import Any
from urllib.parse import urljoin

import pytest
from PIL import Image

from tests.harness.api import Server, StartServer
from tests.harness.clock import FakeClock
from tests.harness.uploading import announce, complete, http, image, put, send, urls_of

TEXT = b"0123456789"


async def address(api: Any, data: bytes = TEXT, kind: str = "text/plain", **more: Any) -> str:
    """Where a new file can be had."""
    file = await send(api, data, kind, **more)
    return (await urls_of(api, file["id"]))["url"]


def altered(url: str) -> list[str]:
    """The same address with each of a few characters of its token changed, and cut, and longer."""
    path, _, token = url.rpartition("/")
    swapped = [
        token[:place] + ("B" if token[place] == "A" else "A") + token[place + 1 :]
        for place in range(0, len(token), 7)
    ]
    return [f"{path}/{one}" for one in (*swapped, token[:-1], token + "A", "", "x", "%00")]


async def test_an_altered_address_serves_and_takes_nothing(server: Server) -> None:
    ada = server.user()
    upload = await announce(ada, TEXT, "text/plain")
    for url in altered(upload.url):
        assert (await http(ada, "PUT", url, data=TEXT)).status in (404, 405), url
    for url in altered(await address(ada)):
        assert (await http(ada, "GET", url)).status == 404, url


async def test_an_address_is_for_one_thing(server: Server) -> None:
    ada = server.user()
    upload = await announce(ada, TEXT, "text/plain")
    assert (await http(ada, "GET", upload.url)).status == 404
    url = await address(ada)
    assert (await http(ada, "PUT", url, data=TEXT)).status == 404
    assert (await http(ada, "DELETE", url)).status == 405


async def test_addresses_end(start_server: StartServer) -> None:
    clock = FakeClock()
    server = await start_server(clock=clock, worker=False)
    ada = server.user()
    late = await announce(ada, TEXT, "text/plain")
    url = await address(ada)
    clock.advance(minutes=59)
    assert (await http(ada, "GET", url)).status == 200
    assert (await put(ada, late, TEXT)).status == 204
    clock.advance(minutes=17)
    assert (await http(ada, "GET", url)).status == 404
    assert (await put(ada, late, TEXT)).status == 404


async def test_the_address_stays_for_a_while(start_server: StartServer) -> None:
    clock = FakeClock()
    server = await start_server(clock=clock, worker=False)
    ada = server.user()
    file = await send(ada, TEXT, "text/plain")
    first = await urls_of(ada, file["id"])
    clock.advance(minutes=1)
    assert await urls_of(ada, file["id"]) == first
    clock.advance(minutes=15)
    assert await urls_of(ada, file["id"]) != first


async def test_nobody_else_is_told_the_address(server: Server) -> None:
    ada, eve = server.user("ada"), server.user("eve")
    upload = await announce(ada, TEXT, "text/plain")
    await put(ada, upload, TEXT)
    complete = "mutation($id: ID!) { completeUpload(input: {id: $id}) { file { url } } }"
    assert await eve.code(complete, id=upload.id) == "NOT_FOUND"
    assert await urls_of(eve, upload.id) is None
    assert await urls_of(server.nobody(), upload.id) is None


async def test_a_pending_or_deleted_file_is_not_served(server: Server) -> None:
    ada = server.user()
    url = await address(ada)
    (row,) = await server.sql("SELECT id FROM stored_file")
    await server.sql("UPDATE stored_file SET state = 'pending'")
    assert (await http(ada, "GET", url)).status == 404
    await server.sql("UPDATE stored_file SET state = 'ready'")
    await ada.do("deleteFile", "{ deletedFileId }", id=row["id"])
    assert (await http(ada, "GET", url)).status == 404


SAVED = ("text/plain", "text/markdown", "application/json", "application/pdf")


@pytest.mark.parametrize("content_type", SAVED)
async def test_all_but_images_is_saved(server: Server, content_type: str) -> None:
    ada, data = server.user(), b"%PDF-[]" if content_type == "application/pdf" else b"[]"
    answer = await http(ada, "GET", await address(ada, data, content_type, fileName="a.html"))
    told = answer.headers
    assert told["Content-Disposition"].startswith('attachment; filename="a.html"')
    assert told["X-Content-Type-Options"] == "nosniff"
    assert told["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert told["Cache-Control"].startswith("private")
    assert told["Content-Type"].partition(";")[0] == content_type


async def test_names_come_through_whole(server: Server) -> None:
    ada, name = server.user(), 'Über "Äpfel"; 🍏%20.txt'
    answer = await http(ada, "GET", await address(ada, fileName=name))
    disposition = answer.headers["Content-Disposition"]
    plain, _, encoded = disposition.partition("; filename*=")
    assert plain == 'attachment; filename="_ber __pfel__ __20.txt"'
    assert encoded == "UTF-8''%C3%9Cber%20%22%C3%84pfel%22%3B%20%F0%9F%8D%8F%2520.txt"


RANGES: list[tuple[str, int, bytes, str | None]] = [
    ("bytes=0-3", 206, b"0123", "bytes 0-3/10"),
    ("bytes=4-", 206, b"456789", "bytes 4-9/10"),
    ("bytes=-3", 206, b"789", "bytes 7-9/10"),
    ("bytes=8-99", 206, b"89", "bytes 8-9/10"),
    ("bytes=0-99", 200, TEXT, None),
    ("bytes=10-", 416, b"", "bytes */10"),
    ("bytes=5-2", 416, b"", "bytes */10"),
    ("bytes=a-b", 416, b"", "bytes */10"),
    ("bytes=0-1,3-4", 200, TEXT, None),
]


@pytest.mark.parametrize(("asked", "status", "body", "told"), RANGES)
async def test_ranges(
    server: Server, asked: str, status: int, body: bytes, told: str | None
) -> None:
    ada = server.user()
    answer = await http(ada, "GET", await address(ada), headers={"Range": asked})
    assert (answer.status, answer.body) == (status, body)
    assert answer.headers.get("Content-Range") == told


async def test_what_a_browser_has_is_not_sent_again(server: Server) -> None:
    ada = server.user()
    url = await address(ada)
    tag = (await http(ada, "HEAD", url)).headers["ETag"]
    again = await http(ada, "GET", url, headers={"If-None-Match": tag})
    assert (again.status, again.body) == (304, b"")
    other = {"Range": "bytes=0-3", "If-Range": '"another"'}
    assert (await http(ada, "GET", url, headers=other)).status == 200


async def test_pages_of_allowed_origins_may_send_and_read(start_server: StartServer) -> None:
    server = await start_server(origins=["https://app.example"], dev=False)
    asked = {"Access-Control-Request-Method": "PUT", "Origin": "https://app.example"}
    preflight = await http(server.nobody(), "OPTIONS", f"{server.url}/files/x", headers=asked)
    assert "PUT" in preflight.headers["Access-Control-Allow-Methods"]
    assert preflight.headers["Access-Control-Allow-Origin"] == "https://app.example"
    foreign = asked | {"Origin": "https://evil.example"}
    refused = await http(server.nobody(), "OPTIONS", f"{server.url}/files/x", headers=foreign)
    assert "Access-Control-Allow-Origin" not in refused.headers


async def test_addresses_are_absolute_where_the_servers_own_is_known(
    start_server: StartServer,
) -> None:
    server = await start_server(public_url="https://api.example/punnet/")
    ada = server.user()
    upload = await announce(ada, TEXT, "text/plain")
    assert upload.url.startswith("https://api.example/punnet/files/")
    here = urljoin(server.url, upload.url.removeprefix("https://api.example/punnet"))
    assert (await http(ada, "PUT", here, data=TEXT)).status == 204
    await complete(ada, upload)
    urls = await urls_of(ada, upload.id)
    assert urls["url"].startswith("https://api.example/punnet/files/")


async def test_a_thumbnail_is_small_and_tells_nothing_of_its_source(server: Server) -> None:
    ada = server.user()
    secret = b"taken at home"
    data = image("JPEG", (1_600, 900), exif=exif_with(secret), comment=secret)
    assert data.count(secret) == 2
    file = await send(ada, data, "image/jpeg")
    assert (file["width"], file["height"]) == (900, 1_600), "it is shown upright"
    url = (await urls_of(ada, file["id"]))["thumbnailUrl"]
    answer = await http(ada, "GET", url)
    assert secret not in answer.body
    assert answer.headers["Content-Type"] == "image/webp"
    assert size_of(answer.body) == (288, 512)


def exif_with(text: bytes) -> bytes:
    """Metadata that has a text, and says that the image lies on its side."""
    exif = Image.Exif()
    exif[0x010E], exif[0x0112] = text.decode(), 6
    return exif.tobytes()


def size_of(data: bytes) -> tuple[int, int]:
    """The width and height of an image."""
    with Image.open(io.BytesIO(data)) as opened:
        return opened.size
