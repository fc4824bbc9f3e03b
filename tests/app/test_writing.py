"""How text is stored and passed on, whatever else the server is doing."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import asyncpg
import pytest

from app.streams import POLL
from app.topics import Topic
from app.writing import SIZE
from models.chat.chunks import Mark, Piece, Story, Window
from tests.harness.api import Server, StartServer
from tests.harness.streaming import STREAM, Text, asked, message_of


def windows_of(server: Server) -> list[list[str]]:
    """The texts that were stored, by statement."""
    stored = [args for sql, args in server.statements if "INSERT INTO message_chunk" in sql]
    return [list(args[6]) for args in stored]


async def test_each_window_is_passed_on_as_it_is_stored(start_server: StartServer) -> None:
    servers = [await start_server(), await start_server(worker=False)]
    callers = [server.user() for server in servers]
    started = time.monotonic()
    message = await asked(callers[0], "x [[tokens:200]] [[delay:6ms]]")
    here, there = Text(message), Text(message)
    async with asyncio.timeout(20):
        await asyncio.gather(here.follow(callers[0]), there.follow(callers[1]))
    took = time.monotonic() - started
    windows = windows_of(servers[0])
    assert windows[0] == [here.text.split(" ")[0] + " "], "the first piece alone, at once"
    assert "".join(window for found in windows for window in found) == here.text == there.text
    assert 8 < len(windows) <= took / 0.04 + 2
    assert here.events > 0.8 * len(windows), "no poll is waited for"
    assert there.events > 1.5 * took / POLL, "nor on another server"


async def test_fast_text_is_stored_in_windows_of_a_kilobyte(start_server: StartServer) -> None:
    server = await start_server()
    ada = server.user()
    message = await asked(ada, "x [[tokens:4000]] [[delay:0ms]]")
    text = Text(message)
    async with asyncio.timeout(20):
        await text.follow(ada)
    windows = [window for found in windows_of(server) for window in found]
    assert text.text == "".join(windows) == (await message_of(ada, message))["content"]
    assert len(text.text) > 20_000
    assert all(len(window) < 30 * SIZE for window in windows)
    assert len(windows) < 2 * len(text.text) / SIZE + 10


@asynccontextmanager
async def held(database: str, project: str) -> AsyncIterator[Callable[[], Awaitable[object]]]:
    """Keep a project locked until the value is called, or the end."""
    holder = await asyncpg.connect(database)
    transaction = holder.transaction()
    await transaction.start()
    await holder.execute("SELECT 1 FROM project WHERE id = $1 FOR UPDATE", project)
    try:
        yield transaction.rollback
    finally:
        await holder.close()


async def test_a_flood_of_requests_holds_up_no_stream(
    start_server: StartServer, database: str
) -> None:
    server = await start_server(pool_size=4, request_timeout=4.0)
    ada, bob = server.user("ada"), server.user("bob")
    made = await bob.do("createProject", "{ project { id } }", name="One", framework="VUE")
    message = await asked(ada, "x [[delay:5ms]]", model="mock:endless")
    text = Text(message)
    update = 'mutation($id: ID!) { updateProject(input: {id: $id, name: "b"}) { project { id } } }'
    id = made["project"]["id"]
    async with held(database, id) as release, ada.listen(STREAM, id=message) as events:
        text.take(await events.next())
        flood = [asyncio.create_task(bob.ask(update, id=id)) for _ in range(12)]
        await asyncio.sleep(0.2)
        for _ in range(20):
            text.take(await events.next(1))
        assert not any(task.done() for task in flood), "all connections of requests were taken"
        await release()
        assert all("errors" not in answer for answer in await asyncio.gather(*flood))
    await ada.do("stopMessage", "{ message { id } }", id=message)


@pytest.mark.parametrize(
    ("part", "start", "before", "fits"),
    [
        (0, 5, 0, True),
        (0, 6, 0, False),
        (0, 4, 0, False),
        (1, 0, 5, True),
        (1, 0, 9, False),  # the part before goes on where nobody was told of it
        (1, 1, 5, False),
        (2, 0, 0, False),
    ],
)
def test_a_window_is_passed_on_only_where_it_fits(
    part: int, start: int, before: int, *, fits: bool
) -> None:
    topic = Topic("msg_a", str)
    topic.pass_on(Story(1, (Piece("text", "abcde", Mark(1, 0, 5)),), complete=False))
    window = Window("gen_a", "msg_a", 1, part, start, "text", "x", before)
    assert topic.goes_on_with(window) is fits
    assert not topic.goes_on_with(Window("gen_a", "msg_a", 2, part, start, "text", "x", before))
