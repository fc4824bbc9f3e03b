"""What a provider is sent of uploads: addresses where it can fetch from us, else what they hold."""

from __future__ import annotations

import io
import random
from base64 import b64encode
from dataclasses import replace
from typing import Any

import pytest
from PIL import Image

from models.chat import telling
from tests.app.openai_endpoint import Endpoint, Reply, endpoint
from tests.app.test_openai_answers import serving
from tests.harness.answers import ended
from tests.harness.api import Server, StartServer
from tests.harness.sharing import talk_of
from tests.harness.uploading import announce, complete, image, put

TEXT = "Quinces 🍓".encode()


async def answer(reply: Reply) -> None:
    await reply.chunk({"content": "Seen."})
    await reply.chunk({}, reason="stop")
    await reply.done()


async def sent(server: Server, there: Endpoint, *files: tuple[bytes, str]) -> list[Any]:
    """What the provider is sent of a message with these files, one message to each."""
    ada = server.user()
    to = {"conversationId": await talk_of(ada)}
    for number, (data, kind) in enumerate(files):
        file = await announce(ada, data, kind, fileName=f"file {number}")
        # Whatever the server believes to be called, it is here.
        here = replace(file, url=file.url[file.url.index("/files/") :])
        assert (await put(ada, here, data)).status == 204
        await complete(ada, file)
        given = {"content": "See", "attachments": [{"fileId": file.id}]}
        made = await ada.do("sendMessage", "{ reply { id } }", to=to, **given)
        await ended(ada, made["reply"]["id"])
    asked = there.bodies[-1]["messages"]
    return [message["content"] for message in asked if message["role"] == "user"]


def inlined(data: bytes, kind: str) -> dict[str, Any]:
    """The part that holds an image itself."""
    url = f"data:{kind};base64,{b64encode(data).decode()}"
    return {"type": "image_url", "image_url": {"url": url}}


@pytest.mark.parametrize("public_url", [None, "http://localhost:8000", "http://127.0.0.1/api"])
async def test_images_and_texts_are_put_in(
    start_server: StartServer, public_url: str | None
) -> None:
    picture = image()
    async with endpoint(answer) as there:
        server = await serving(start_server, there, public_url=public_url)
        files = (picture, "image/png"), (TEXT, "text/plain"), (b"%PDF-1.7", "application/pdf")
        first, second, third = await sent(server, there, *files)
    assert first[1:] == [inlined(picture, "image/png")]
    assert second == f"See\n\n[file 1]\n{TEXT.decode()}"
    assert third == "See\n\n[file 2]"


async def test_where_we_can_be_reached_addresses_do(start_server: StartServer) -> None:
    async with endpoint(answer) as there:
        server = await serving(start_server, there, public_url="https://api.example")
        (only,) = await sent(server, there, (image(), "image/png"))
    assert only[1]["image_url"]["url"].startswith("https://api.example/files/")


async def test_the_newest_files_are_put_in_while_there_is_room(start_server: StartServer) -> None:
    large, small = noise(1_500), noise(10)
    assert telling.MOST_INLINED / 2 < len(large) < telling.MOST_INLINED
    async with endpoint(answer) as there:
        server = await serving(start_server, there)
        files = [(data, "image/png") for data in (small, large, large)]
        first, second, third = await sent(server, there, *files)
    assert [first[1:], third[1:]] == [[inlined(data, "image/png")] for data in (small, large)]
    assert second == "See\n\n[file 1]"


def noise(side: int) -> bytes:
    """A square picture that nothing makes smaller."""
    pixels, written = random.randbytes(3 * side * side), io.BytesIO()  # noqa: S311 - no secret
    Image.frombytes("RGB", (side, side), pixels).save(written, "PNG", compress_level=0)
    return written.getvalue()
