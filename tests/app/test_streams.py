"""Streamed texts: whatever happens to the connection, the client ends with what is stored."""

from __future__ import annotations

import asyncio
import random

import asyncpg
import pytest

from tests.harness.api import Api, Refused, Server, StartServer
from tests.harness.streaming import STREAM, Text, asked, message_of

THOUGHT = "[[reasoning:first I think, 👩‍👩‍👧 then I write]]"


async def two(start_server: StartServer) -> tuple[list[Server], list[Api]]:
    """Two servers, the worker in the first, and the same user on both."""
    servers = [await start_server(), await start_server(worker=False)]
    return servers, [server.user() for server in servers]


async def test_two_hundred_disconnects_lose_and_repeat_nothing(start_server: StartServer) -> None:
    _, callers = await two(start_server)
    message = await asked(callers[0], f"x {THOUGHT} [[delay:2ms]]", model="mock:endless")
    texts = [Text(message) for _ in range(8)]
    chance = random.Random(7)  # noqa: S311 - repeatable on purpose

    async def follow(text: Text, number: int) -> None:
        await asyncio.sleep(number * 0.1)
        while not text.ended:
            try:
                async with asyncio.timeout(chance.choice((0.03, 0.1, 0.3))):
                    await text.follow(chance.choice(callers), chance.choice((1, 2, 5, 50)))
            except TimeoutError:
                await asyncio.sleep(chance.random() * 0.05)

    async with asyncio.timeout(60):
        following = [asyncio.create_task(follow(*one)) for one in zip(texts, range(8), strict=True)]
        while sum(text.sessions for text in texts) < 200:
            await asyncio.sleep(0.02)
        await callers[1].do("stopMessage", "{ message { id } }", id=message)
        await asyncio.gather(*following)
    stored = await message_of(callers[0], message)
    assert stored["outcome"] == "CANCELED"
    assert [part["kind"] for part in stored["parts"]] == ["reasoning", "text"]
    assert len(stored["content"]) > 200
    for text in texts:
        assert text.same_as(stored)
        assert text.resets == 0
    late = Text(message)
    await late.follow(callers[1])
    assert late.same_as(stored)


async def test_joining_at_any_moment_gives_the_whole_text(start_server: StartServer) -> None:
    _, callers = await two(start_server)
    content = f"x {THOUGHT} [[tokens:300]] [[delay:3ms]]"
    message = await asked(callers[0], content)
    texts = [Text(message) for _ in range(24)]

    async def join(text: Text, number: int) -> None:
        await asyncio.sleep(number * 0.06)
        await text.follow(callers[number % 2])

    async with asyncio.timeout(20):
        await asyncio.gather(*(join(*one) for one in zip(texts, range(24), strict=True)))
    stored = await message_of(callers[0], message)
    assert stored["outcome"] == "SUCCEEDED"
    assert all(text.same_as(stored) and text.resets == 0 for text in texts)
    assert texts[0].events > 8, "it was streamed"


async def test_another_try_resets(start_server: StartServer) -> None:
    _, callers = await two(start_server)
    message = await asked(callers[0], "x [[tokens:60]] [[fail-once]]")
    texts = [Text(message), Text(message)]
    async with asyncio.timeout(10):
        await asyncio.gather(*(text.follow(caller) for text, caller in zip(texts, callers)))  # noqa: B905 - two and two
    stored = await message_of(callers[0], message)
    assert (stored["outcome"], stored["error"]) == ("SUCCEEDED", None)
    for text in texts:
        assert text.same_as(stored)
        assert text.resets == 1


async def test_a_lost_lease_resets_and_its_writer_is_refused(start_server: StartServer) -> None:
    servers, callers = await two(start_server)
    message = await asked(callers[0], "x [[tokens:150]] [[delay:10ms]]")
    texts = [Text(message), Text(message)]
    await asyncio.gather(*(text.follow(caller, 4) for text, caller in zip(texts, callers)))  # noqa: B905 - two and two
    await servers[0].sql(
        "UPDATE generation SET worker = 'another', lease_until = now() - interval '1 second'"
    )
    async with asyncio.timeout(15):
        await asyncio.gather(*(text.follow(caller) for text, caller in zip(texts, callers)))  # noqa: B905 - two and two
    stored = await message_of(callers[0], message)
    assert stored["outcome"] == "SUCCEEDED"
    (generation,) = await servers[0].sql("SELECT epoch, tries, state FROM generation")
    assert generation == {"epoch": 2, "tries": 2, "state": "DONE"}
    for text in texts:
        assert text.same_as(stored)
        assert text.resets == 1


async def test_the_text_of_an_error_resets(start_server: StartServer) -> None:
    _, callers = await two(start_server)
    message = await asked(callers[0], "x", model="mock:fail")
    text = Text(message)
    await text.follow(callers[1], 3)
    assert text.text
    async with asyncio.timeout(15):
        await text.follow(callers[1])
    stored = await message_of(callers[0], message)
    assert (stored["type"], stored["status"], stored["outcome"]) == ("ERROR", "COMPLETE", "FAILED")
    assert stored["content"] == "The provider broke off the answer."
    assert text.same_as(stored)
    assert text.resets >= 1


async def test_stopping_between_two_tries_voids_the_text_of_the_first(
    start_server: StartServer,
) -> None:
    servers, callers = await two(start_server)
    message = await asked(callers[0], "x [[fail-after:20]] [[delay:5ms]]")
    text = Text(message)
    async with asyncio.timeout(10):
        await text.follow(callers[1], 3)
        waiting = "SELECT id FROM generation WHERE state = 'QUEUED' AND epoch > 0"
        while not await servers[0].sql(waiting):
            await asyncio.sleep(0.01)
    await callers[0].do("stopMessage", "{ message { id } }", id=message)
    await text.follow(callers[1])
    stored = await message_of(callers[0], message)
    assert (stored["content"], stored["outcome"]) == ("", "CANCELED")
    assert text.same_as(stored)
    assert text.resets == 1


async def test_an_edit_resets(start_server: StartServer) -> None:
    _, callers = await two(start_server)
    to = {"projectId": await project(callers[0])}
    made = await callers[0].do("createMessage", "{ message { id } }", to=to, content="first")
    text = Text(made["message"]["id"])
    await text.follow(callers[1])
    assert (text.text, text.resets) == ("first", 0)
    await callers[0].do("updateMessage", "{ message { id } }", id=text.message, content="second")
    await text.follow(callers[1])
    assert (text.text, text.resets) == ("second", 1)
    await text.follow(callers[1])
    assert (text.text, text.resets) == ("second", 1), "nothing comes twice"


async def project(caller: Api) -> str:
    made = await caller.do("createProject", "{ project { id } }", name="One", framework="VUE")
    return made["project"]["id"]


async def test_offsets_count_code_points(start_server: StartServer) -> None:
    servers, callers = await two(start_server)
    said = "👩‍👩‍👧 🇫🇷 𐍈 naïve 草莓 " * 20
    message = await asked(callers[0], f"[[echo:{said}]] [[delay:4ms]]")
    text = Text(message)
    signer = servers[0].services.ports.signer
    async with asyncio.timeout(20):
        while not text.ended:
            await text.follow(callers[text.sessions % 2], 2)
            assert text.cursor is not None
            assert signer.open("stream", text.cursor)[-1] == len(text.text)
    assert text.text == said == (await message_of(callers[0], message))["content"]
    assert text.sessions > 5


async def test_a_deleted_project_ends_its_streams_within_a_second(
    start_server: StartServer,
) -> None:
    _, callers = await two(start_server)
    made = await callers[0].do(
        "createProjectWithMessage",
        "{ project { id } reply { id } }",
        content="x",
        model="mock:endless",
    )

    async def ended(caller: Api) -> str:
        async with caller.listen(STREAM, id=made["reply"]["id"]) as events:
            await events.next()
            with pytest.raises(Refused) as refused:  # noqa: PT012 - text may come before it
                while True:
                    await events.next(2)
            return refused.value.code

    ending = [asyncio.create_task(ended(caller)) for caller in callers]
    await asyncio.sleep(0.3)
    await callers[0].do("deleteProject", "{ deletedProjectId }", id=made["project"]["id"])
    async with asyncio.timeout(1):
        assert await asyncio.gather(*ending) == ["NOT_FOUND", "NOT_FOUND"]


async def test_nothing_is_published_before_it_is_stored(
    start_server: StartServer, database: str
) -> None:
    _, callers = await two(start_server)
    message = await asked(callers[0], "x [[delay:5ms]]", model="mock:endless")
    text = Text(message)
    await text.follow(callers[0], 2)
    holder = await asyncpg.connect(database)
    transaction = holder.transaction()
    await transaction.start()
    # The writer must wait for this lock to store anything more.
    await holder.execute("SELECT 1 FROM generation FOR UPDATE")
    (stored,) = await holder.fetch(
        "SELECT string_agg(text, '' ORDER BY start) t FROM message_chunk"
    )
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.5):
            await text.follow(callers[0])
    assert stored["t"].startswith(text.text)
    await transaction.rollback()
    await holder.close()
    before = len(text.text)
    await text.follow(callers[0], 2)
    assert len(text.text) > before
