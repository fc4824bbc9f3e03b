"""Uploading as a client does: announced by GraphQL, sent by HTTP, completed by GraphQL."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin

from PIL import Image

from tests.harness.api import Api

FILE = "{ file { id purpose state fileName contentType size sha256 width height } }"
URLS = "query($id: ID!) { node(id: $id) { ... on StoredFile { url thumbnailUrl } } }"
CREATED = """{ file { id state url thumbnailUrl }
upload { method url expiresAt headers { name value } } }"""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a plain request got."""

    status: int
    headers: Any
    body: bytes


@dataclass(frozen=True, slots=True)
class Upload:
    """An announced file, and where its bytes go."""

    id: str
    url: str
    headers: dict[str, str]


async def announce(api: Api, data: bytes, content_type: str, **more: Any) -> Upload:
    """Create an upload for bytes; `more` may lie about them."""
    told = {"fileName": "a.bin", "contentType": content_type, "size": len(data)} | more
    made = await api.do("createUpload", CREATED, **told)
    headers = {one["name"]: one["value"] for one in made["upload"]["headers"]}
    return Upload(made["file"]["id"], made["upload"]["url"], headers)


async def put(api: Api, upload: Upload, data: Any, **headers: str) -> Answer:
    """Send bytes where an upload wants them; without who sends them, which nobody asks."""
    body = io.BytesIO(data) if isinstance(data, bytes) else data
    return await http(api, "PUT", upload.url, data=body, headers=upload.headers | headers)


async def http(api: Api, method: str, url: str, **options: Any) -> Answer:
    """A plain request to the server, without a token."""
    async with api.session.request(method, urljoin(api.url, url), **options) as response:
        return Answer(response.status, response.headers, await response.read())


async def complete(api: Api, upload: Upload) -> Any:
    """Complete an upload; returns the file. Raises Refused."""
    return (await api.do("completeUpload", FILE, id=upload.id))["file"]


async def send(api: Api, data: bytes, content_type: str, **more: Any) -> Any:
    """Upload bytes and complete them; returns the file. Raises Refused."""
    upload = await announce(api, data, content_type, **more)
    answer = await put(api, upload, data)
    assert answer.status == 204, answer
    return await complete(api, upload)


async def urls_of(api: Api, id: str) -> Any:
    """Where a file and its small picture can be had, null for who may not."""
    return (await api.run(URLS, id=id))["node"]


def image(
    kind: str = "PNG", size: tuple[int, int] = (8, 6), mode: str = "RGB", **more: Any
) -> bytes:
    """An image of one colour."""
    written = io.BytesIO()
    Image.new(mode, size, "teal").save(written, kind, **more)
    return written.getvalue()
