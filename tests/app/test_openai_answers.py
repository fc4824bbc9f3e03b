"""Answers of an OpenAI-compatible endpoint, from its socket to the client's stream."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from aiohttp import web

from app.config_entries import ModelEntry
from tests.app.openai_endpoint import Endpoint, Play, Reply, endpoint
from tests.harness.answers import STREAM, ended
from tests.harness.api import Api, Server, StartServer

MODEL = "openai:gpt-x"
PICTURE = {
    "type": "IMAGE",
    "url": "https://files.example/tree.png",
    "width": 64,
    "height": 48,
    "size": 1_000,
}


async def serving(start_server: StartServer, there: Endpoint, **settings: Any) -> Server:
    """A server that asks this endpoint."""
    models = [ModelEntry(id=MODEL, context=8_000)]
    told = {"models": models, "default_model": MODEL, "openai_base_url": there.url} | settings
    return await start_server(openai_api_key="sk-loopback", **told)


async def started(user: Api, content: str, **options: Any) -> dict[str, Any]:
    """Send a message in a project of its own."""
    return await user.do(
        "createProjectWithMessage", "{ project { id } reply { id } }", content=content, **options
    )


async def streamed(user: Api, id: str) -> list[dict[str, Any]]:
    """All events of an answer's stream."""
    async with asyncio.timeout(15), user.listen(STREAM, id=id) as events:
        return [event async for event in events]


def assembled(events: list[dict[str, Any]]) -> str:
    """What a client shows in the end."""
    text = ""
    for event in events:
        text = event["text"] if event["reset"] else text + event["text"]
    return text


def saying(*pieces: str) -> Play:
    """Answers each request with these pieces."""

    async def play(reply: Reply) -> None:
        for piece in pieces:
            await reply.chunk({"content": piece})
        await reply.chunk({}, reason="stop")
        await reply.done(usage=(11, 7))

    return play


async def test_a_message_is_answered_by_the_endpoint(start_server: StartServer) -> None:
    async with endpoint(saying("Half a 🍓", " and \ud83d", "\ude00 more")) as there:
        server = await serving(start_server, there)
        ada = server.user()
        id = (await started(ada, "Hello"))["reply"]["id"]
        events = await streamed(ada, id)
        message = await ended(ada, id)
    assert there.headers[0]["Authorization"] == "Bearer sk-loopback"
    assert there.bodies[0]["model"] == "gpt-x"
    message.pop("parts")
    assert message == {
        "status": "COMPLETE",
        "outcome": "SUCCEEDED",
        "type": "RESULT",
        "content": "Half a 🍓 and 😀 more",
        "error": None,
        "usage": {"inputTokens": 11, "outputTokens": 7},
        "finishReason": "stop",
        "model": MODEL,
        "provider": "openai",
    }
    assert assembled(events) == message["content"]


async def test_the_model_is_given_the_system_prompt_and_the_branch(
    start_server: StartServer,
) -> None:
    async with endpoint(saying("Yes.")) as there:
        server = await serving(start_server, there)
        ada = server.user()
        made = await started(ada, "What is it?", attachments=[PICTURE])
        await ended(ada, made["reply"]["id"])
        await ada.do("updateProfile", "{ user { id } }", systemPrompt="Be kind.")

        async def send(content: str) -> None:
            sent = await ada.do(
                "sendMessage",
                "{ reply { id } }",
                to={"projectId": made["project"]["id"]},
                content=content,
            )
            await ended(ada, sent["reply"]["id"])

        await send("Sure?")
        await server.sql("UPDATE conversation SET system_prompt = 'Be short.'")
        await server.sql("UPDATE message SET on_branch = false WHERE content = 'Sure?'")
        await server.sql(
            "UPDATE message SET type = 'ERROR' WHERE parent_id IN "
            "(SELECT id FROM message WHERE content = 'Sure?')"
        )
        await send("And now?")
    asked = {
        "role": "user",
        "content": [
            {"type": "text", "text": "What is it?"},
            {"type": "image_url", "image_url": {"url": PICTURE["url"]}},
        ],
    }
    answered = {"role": "assistant", "content": "Yes."}
    first, second, third = (body["messages"] for body in there.bodies)
    assert first == [asked]
    system = {"role": "system", "content": "Be kind."}
    assert second == [system, asked, answered, {"role": "user", "content": "Sure?"}]
    system = {"role": "system", "content": "Be short."}
    assert third == [system, asked, answered, {"role": "user", "content": "And now?"}]


async def test_old_turns_give_way_to_the_models_context(start_server: StartServer) -> None:
    async with endpoint(saying("Yes.")) as there:
        small = [ModelEntry(id=MODEL, context=100)]
        server = await serving(start_server, there, models=small)
        ada = server.user()
        made = await started(ada, "long ago " * 40)
        await ended(ada, made["reply"]["id"])
        to = {"projectId": made["project"]["id"]}
        sent = await ada.do("sendMessage", "{ reply { id } }", to=to, content="And now?")
        await ended(ada, sent["reply"]["id"])
    assert [turn["content"] for turn in there.bodies[1]["messages"]] == ["Yes.", "And now?"]


async def test_a_dropped_connection_is_a_second_try(start_server: StartServer) -> None:
    reached = asyncio.Event()

    async def play(reply: Reply) -> None:
        if len(there.bodies) == 1:
            await reply.chunk({"content": "lost "})
            await reply.chunk({"content": "words"})
            await reached.wait()
            reply.drop()
        else:
            await saying("the whole ", "answer")(reply)

    async with endpoint(play) as there:
        server = await serving(start_server, there)
        ada = server.user()
        id = (await started(ada, "Hello"))["reply"]["id"]
        text = ""
        async with ada.listen(STREAM, id=id) as events:
            while text != "lost words":
                text += (await events.next())["text"]
            reached.set()
            rest = [event async for event in events]
        message = await ended(ada, id)
        (row,) = await server.sql("SELECT epoch, tries FROM generation")
    assert rest[0]["reset"]
    assert not any(event["reset"] for event in rest[1:])
    assert assembled(rest) == message["content"] == "the whole answer"
    assert (row["epoch"], row["tries"]) == (2, 2)
    assert there.bodies[0] == there.bodies[1], "a second try asks the same"


async def test_retry_after_is_waited_for(start_server: StartServer) -> None:
    came: list[float] = []

    async def play(reply: Reply) -> web.Response | None:
        came.append(time.monotonic())
        if len(came) == 1:
            return web.Response(status=429, headers={"Retry-After": "2"})
        return await saying("Now.")(reply)

    async with endpoint(play) as there:
        server = await serving(start_server, there)
        ada = server.user()
        id = (await started(ada, "Hello"))["reply"]["id"]
        message = await ended(ada, id)
    assert message["content"] == "Now."
    # Without the header it would be one second; the worker looks twice a second.
    assert 1.95 <= came[1] - came[0] < 4.0
    assert len(came) == 2


async def test_a_slow_first_byte_is_waited_for_while_there_is_patience(
    start_server: StartServer,
) -> None:
    async def play(reply: Reply) -> None:
        if len(there.bodies) == 1:
            await asyncio.sleep(20)  # beyond the patience: given up, tried again
        await asyncio.sleep(0.4)
        await saying("At last.")(reply)

    async with endpoint(play) as there:
        # The lease is shorter than the wait, so it must be kept alive meanwhile.
        server = await serving(start_server, there, openai_timeout=1.0, lease=0.6)
        ada = server.user()
        id = (await started(ada, "Hello"))["reply"]["id"]
        message = await ended(ada, id)
        (row,) = await server.sql("SELECT epoch, tries FROM generation")
        await asyncio.wait_for(there.closed.wait(), 5)
    assert message["content"] == "At last."
    assert (row["epoch"], row["tries"], len(there.bodies)) == (2, 2, 2)


async def test_stopping_ends_the_call(start_server: StartServer) -> None:
    async def play(reply: Reply) -> None:
        await reply.chunk({"content": "and on"})
        while True:
            await asyncio.sleep(0.02)
            await reply.chunk({"content": " and on"})

    async with endpoint(play) as there:
        server = await serving(start_server, there)
        ada = server.user()
        id = (await started(ada, "Hello"))["reply"]["id"]
        async with ada.listen(STREAM, id=id) as events:
            assert (await events.next())["text"]
        await ada.do("stopMessage", "{ message { id } }", id=id)
        await asyncio.wait_for(there.closed.wait(), 1)
        message = await ended(ada, id)
    assert message["outcome"] == "CANCELED"
    assert message["content"].startswith("and on")
