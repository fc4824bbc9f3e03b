"""Uploads: announced, sent, looked at, kept; the bytes that come back are those that were sent."""

from __future__ import annotations

import hashlib

import pytest

from tests.harness.api import Server
from tests.harness.uploading import announce, complete, http, image, put, send, urls_of

XLS = "application/vnd.ms-excel"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
GOOD = {
    "image/png": image("PNG"),
    "image/jpeg": image("JPEG"),
    "image/gif": image("GIF"),
    "image/webp": image("WEBP"),
    "application/pdf": b"%PDF-1.7\n...",
    "text/plain": "Grüße\n".encode(),
    "text/markdown": b"# Title\n\n<b>bold</b>\n",
    "text/csv": b"a;b\r\n1;2\r\n",
    "application/json": b'{"a": [1, 2.5, null]}',
    XLS: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(512),
    XLSX: b"PK\x03\x04...[Content_Types].xml...xl/workbook.xml...",
}


@pytest.mark.parametrize("content_type", GOOD)
async def test_each_type_is_taken_and_served_as_it_was_sent(
    server: Server, content_type: str
) -> None:
    ada, data = server.user(), GOOD[content_type]
    file = await send(ada, data, content_type, fileName="a file.x")
    is_image = content_type.startswith("image/")
    assert file == {
        "id": file["id"],
        "purpose": "ATTACHMENT",
        "state": "READY",
        "fileName": "a file.x",
        "contentType": content_type,
        "size": len(data),
        "sha256": hashlib.sha256(data).hexdigest(),
        "width": 8 if is_image else None,
        "height": 6 if is_image else None,
    }
    urls = await urls_of(ada, file["id"])
    answer = await http(ada, "GET", urls["url"])
    assert (answer.status, answer.body) == (200, data)
    assert (urls["thumbnailUrl"] is not None) == is_image


@pytest.mark.both_paths
async def test_an_upload_can_be_sent_again_until_it_is_complete(server: Server) -> None:
    ada = server.user()
    upload = await announce(ada, b"one", "text/plain")
    for text in (b"one", b"two", b"one", b"two"):
        assert (await put(ada, upload, text)).status == 204
    file = await complete(ada, upload)
    assert file["sha256"] == hashlib.sha256(b"two").hexdigest()
    assert (await put(ada, upload, b"six")).status == 409
    assert await complete(ada, upload) == file
    urls = await urls_of(ada, upload.id)
    assert (await http(ada, "GET", urls["url"])).body == b"two"
