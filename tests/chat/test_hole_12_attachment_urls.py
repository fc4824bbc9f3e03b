"""Hole 12: clients wrote the assistant's messages, and attached whatever address they liked."""

from __future__ import annotations

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from tests.harness.api import Server
from tests.harness.refusals import refusal, unchanged

BAD = [
    "javascript:alert(1)", "data:text/html,x", "file:///etc/passwd", "ftp://files.example/a",
    "//files.example/a.png", "/a.png", "https://", "https://user:pw@files.example/a.png",
    "https://files.example/a b.png", "https://files.example/\n", "gopher://127.0.0.1/",
]  # fmt: skip


async def _message(server: Server) -> str:
    ada = server.user()
    project = await ada.do("createProject", "{ project { id } }", name="A", framework="VUE")
    to = {"projectId": project["project"]["id"]}
    made = await ada.do("createMessage", "{ message { id } }", to=to, content="One")
    return made["message"]["id"]


@pytest.mark.parametrize("url", BAD)
async def test_hole_12_only_addresses_of_the_web_are_attached(server: Server, url: str) -> None:
    message = await _message(server)
    async with unchanged(server):
        given = {"messageId": message, "url": url, "size": 9}
        assert await refusal(server.user(), "addAttachment", **given) == ("INVALID", "url")


async def test_hole_12_the_server_asks_no_attached_address(server: Server) -> None:
    """It hands the address on, to browsers and models, and never goes there itself."""
    asked: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        asked.append(request.path)
        return web.Response()

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    async with TestServer(app) as target:
        url = str(target.make_url("/internal"))
        ada, image = server.user(), {"url": url, "size": 9}
        made = await ada.do(
            "createProjectWithMessage", "{ reply { id } }", content="See", attachments=[image]
        )
        query = "subscription($id: ID!) { messageStreamed(messageId: $id) { text } }"
        async with ada.listen(query, id=made["reply"]["id"]) as events:
            async for _ in events:
                pass
        found = await ada.run("{ projects { nodes { previewAttachment { url } } } }")
        assert found["projects"]["nodes"] == [{"previewAttachment": {"url": url}}]
    assert asked == []


async def test_hole_12_clients_write_no_messages_of_the_assistants(server: Server) -> None:
    ada = server.user()
    made = await ada.do("createProjectWithMessage", "{ reply { id } }", content="Hi")
    reply = made["reply"]["id"]
    await ada.do("stopMessage", "{ __typename }", id=reply)
    code, _ = await refusal(ada, "editMessage", id=reply, content="I said so")
    assert code == "CONFLICT"
    to = {"conversationId": "cnv_00000000000000000000000000"}
    for field in ("role", "type", "status"):
        given = {"to": to, "content": "x", field: "ASSISTANT"}
        assert (await refusal(ada, "createMessage", **given))[0] in ("BAD_REQUEST", "INVALID")
