"""Streams of text: whoever leaves and comes back, at any moment, gets the stored text."""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import asyncpg
import pytest

from app.streams import PURPOSE
from app.topics import QUEUE
from models.chat.chunks import Window
from models.errors import Unavailable
from models.viewer import viewer_of
from tests.harness.answers import STREAM, ask, ended
from tests.harness.api import Api, Refused, Server, StartServer
from tests.harness.verbs import id_of

DISCONNECTS = 200
FAMILY = "👩\u200d👩\u200d👧🇫🇷é𐍈"


async def to_its_end(events: AsyncIterator[Any], into: list[Any] | None = None) -> None:
    """Hear all events there are."""
    heard = [] if into is None else into
    async for event in events:
        heard.append(event)


def whole(message: dict[str, Any]) -> dict[int, str]:
    """The text of each part of a stored message."""
    parts = message["parts"] or [{"text": message["content"]}]
    return {number: part["text"] for number, part in enumerate(parts) if part["text"]}


@dataclass
class Reader:
    """A client that follows one message in sessions of random length, on any of the servers."""

    doors: list[Api]
    id: str
    chance: random.Random
    cursor: str | None = None
    parts: dict[int, str] = field(default_factory=dict)
    resets: int = 0
    leaves: int = 0

    @property
    def text(self) -> str:
        """All it shows."""
        return "".join(self.parts.values())

    def take(self, event: dict[str, Any]) -> None:
        """Show a piece of text."""
        if event["reset"]:
            self.resets += 1
            self.parts.clear()
        if event["text"]:
            part = event["part"]
            self.parts[part] = self.parts.get(part, "") + event["text"]
        self.cursor = event["cursor"]

    async def read(self) -> None:
        """Follow the message to its end."""
        while not await self._session():
            self.leaves += 1
            await asyncio.sleep(self.chance.choice((0, 0, 0.01, 0.15)))

    async def _session(self) -> bool:
        left = self.chance.choice((0, 1, 1, 2, 3, 8))
        door = self.chance.choice(self.doors)
        async with door.listen(STREAM, id=self.id, after=self.cursor) as events:
            if not left:
                await asyncio.sleep(self.chance.random() * 0.02)
                return False
            async with asyncio.timeout(10):
                async for event in events:
                    self.take(event)
                    left -= 1
                    if not left:
                        return False
        return True


async def test_whoever_leaves_and_comes_back_gets_the_stored_text(
    start_server: StartServer,
) -> None:
    working, other = await start_server(), await start_server(worker=False)
    chance = random.Random(20_260)  # noqa: S311 - repeatable, no secret
    readers: list[tuple[Api, Reader]] = []
    for name, extra in (("ada", ""), ("ben", "[[fail-once]]"), ("cy", "[[reasoning:so so so]]")):
        user = working.user(name)
        doors = [user, other.user(name)]
        for _ in range(2):
            id = await ask(user, f"[[tokens:350]] [[delay:4ms]] {extra}")
            late = [Reader(doors, id, chance) for _ in range(3)]
            readers += [(user, one) for one in late]
    async with asyncio.timeout(40):
        await asyncio.gather(*(reader.read() for _, reader in readers))
    for user, reader in readers:
        message = await ended(user, reader.id)
        assert reader.parts == whole(message)
        assert len(reader.text) > 1_000
    assert sum(reader.leaves for _, reader in readers) >= DISCONNECTS
    assert sum(reader.resets for _, reader in readers) >= 1, "one failed and was written again"
    assert max(reader.resets for _, reader in readers) == 1


async def test_one_may_join_at_any_moment(start_server: StartServer) -> None:
    working, other = await start_server(), await start_server(worker=False)
    ada, there = working.user(), other.user()
    id = await ask(ada, "[[tokens:120]] [[delay:6ms]]")

    async def join(wait: float, door: Api) -> str:
        await asyncio.sleep(wait)
        async with door.listen(STREAM, id=id) as events:
            return "".join([event["text"] async for event in events])

    joining = [join(n * 0.05, door) for n in range(24) for door in (ada, there)]
    texts = await asyncio.gather(*joining)
    assert set(texts) == {(await ended(ada, id))["content"]}


async def test_offsets_count_code_points(start_server: StartServer) -> None:
    server = await start_server()
    ada = server.user()
    said = " ".join([FAMILY] * 40)
    id = await ask(ada, f"[[echo:{said}]] [[delay:15ms]]")
    signer = server.services.ports.signer
    shown, cursors = "", []
    async with ada.listen(STREAM, id=id) as events:
        async for event in events:
            shown += event["text"]
            cursors.append((event["cursor"], len(shown)))
            assert signer.open(PURPOSE, event["cursor"]) == [id, 1, 0, len(shown)]
    assert shown == said == (await ended(ada, id))["content"]
    assert len(cursors) > 5
    inside = [signer.sign(PURPOSE, [id, 1, 0, n]) for n in range(len(FAMILY) + 1)]
    for cursor, offset in [*cursors, *zip(inside, itertools.count(), strict=False)]:
        async with ada.listen(STREAM, id=id, after=cursor) as events:
            assert "".join([event["text"] async for event in events]) == said[offset:]


async def test_a_reader_who_takes_nothing_is_sent_away(start_server: StartServer) -> None:
    server = await start_server(worker=False)
    ada = server.user()
    id = await ask(ada, "x")
    hub = server.services.streams
    viewer = viewer_of(await id_of(ada))
    async with hub.follow(id, viewer, None) as slow, hub.follow(id, viewer, None) as quick:
        heard = 0

        async def follow() -> None:
            nonlocal heard
            async for _ in quick:
                heard += 1

        following = asyncio.create_task(follow())
        await asyncio.sleep(0.1)
        first = asyncio.create_task(anext(slow))
        await asyncio.sleep(0.1)
        for number in range(3 * QUEUE):
            hub.publish([Window("gen_x", id, 0, 0, number, "text", "a")])
            await asyncio.sleep(0)
        assert (await first).text == "a"
        waiting: list[Any] = []
        with pytest.raises(Unavailable):
            await to_its_end(slow, waiting)
        assert len(waiting) <= QUEUE
        assert heard == 3 * QUEUE, "nobody else is held up"
        following.cancel()


async def test_a_deleted_project_ends_its_streams_within_a_second(
    start_server: StartServer,
) -> None:
    working, other = await start_server(), await start_server(worker=False)
    for user in (working.user(), other.user()):
        made = await user.do(
            "createProjectWithMessage",
            "{ project { id } reply { id } }",
            content="x",
            model="mock:endless",
        )
        async with user.listen(STREAM, id=made["reply"]["id"]) as events:
            assert (await events.next())["text"]
            deleting = {"id": made["project"]["id"]}
            await working.user().do("deleteProject", "{ deletedProjectId }", **deleting)
            async with asyncio.timeout(1):
                with pytest.raises(Refused, match="NOT_FOUND"):
                    await to_its_end(events)


async def test_what_is_received_is_in_the_table(start_server: StartServer, database: str) -> None:
    working, other = await start_server(), await start_server(worker=False)
    ada = working.user()
    id = await ask(ada, "x", model="mock:endless")
    readers = [Reader([door], id, random.Random(1)) for door in (ada, other.user())]  # noqa: S311

    async def follow(reader: Reader) -> None:
        async with reader.doors[0].listen(STREAM, id=id) as events:
            async for event in events:
                reader.take(event)

    following = [asyncio.create_task(follow(reader)) for reader in readers]
    for _ in range(5):
        await asyncio.sleep(0.1)
        await _held_back(working, database, readers)
    stopped = await ada.do("stopMessage", "{ message { content } }", id=id)
    await asyncio.gather(*following)
    assert [reader.text for reader in readers] == [stopped["message"]["content"]] * 2


async def _held_back(server: Server, database: str, readers: list[Reader]) -> None:
    """While nothing can be stored nothing is published, and what was is in the table."""
    connection = await asyncpg.connect(database)
    try:
        async with connection.transaction():
            await connection.execute("LOCK TABLE message_chunk IN SHARE MODE")
            kept = await server.sql(
                "SELECT coalesce(string_agg(text, '' ORDER BY start), '') AS text "
                "FROM message_chunk"
            )
            await asyncio.sleep(0.2)
            for reader in readers:
                assert kept[0]["text"].startswith(reader.text)
            assert readers[0].text == kept[0]["text"], "it is published once it is there"
    finally:
        await connection.close()
