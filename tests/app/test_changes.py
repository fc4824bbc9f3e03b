"""The event log under load: nothing is missed, nothing comes twice, each row's order is kept."""

from __future__ import annotations

import asyncio
import random
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

import asyncpg
import pytest

from models.errors import Unavailable
from models.viewer import Viewer, viewer_of
from tests.harness.api import Server, StartServer
from tests.harness.postgres import NewDatabase

OWNER = "usr_log"
ROWS = 60
WRITERS = 8
COMMITS = 10_000

TABLE = "CREATE TABLE counted (id text PRIMARY KEY, n int NOT NULL)"
# As a verb has it: first the lock, then the change, and the position drawn last.
COUNT = """\
WITH changed AS (UPDATE counted SET n = n + 1 WHERE id = $1 RETURNING id, n)
INSERT INTO event_log (owner_id, verb, at, changes)
SELECT $2, 'count', now(), jsonb_build_array(jsonb_build_object(
    'op', 'change', 'id', id, 'columns', '["n"]'::jsonb,
    'old', '{}'::jsonb, 'new', jsonb_build_object('n', n))) FROM changed"""


@dataclass
class Count:
    """How many transactions were committed, and whether that is enough."""

    done: int = 0

    @property
    def enough(self) -> bool:
        return self.done >= COMMITS


@dataclass
class Listener:
    """A client that leaves and comes back with its last cursor, on any of the servers."""

    servers: list[Server]
    viewer: Viewer
    chance: random.Random
    heard: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    known: dict[str, int] | None = None
    cursor: str | None = None
    sessions: int = 0
    resets: int = 0

    async def listen(self, last: dict[str, int]) -> None:
        """Listen in sessions of random length until the numbers in `last` were heard."""
        while not self._has_all(last):
            server = self.chance.choice(self.servers)
            self.sessions += 1
            try:
                patience = self.chance.choice((0.05, 0.3, 1.0)) if self.known else 30.0
                async with asyncio.timeout(patience):
                    await self._session(server, last)
            except (TimeoutError, Unavailable):
                await asyncio.sleep(self.chance.random() * 0.3)

    async def _session(self, server: Server, last: dict[str, int]) -> None:
        left = self.chance.choice((3, 40, 700, 10_000))
        changes = server.services.changes
        async with changes.listen(OWNER, self.viewer, self.cursor) as heard:
            async for one in heard:
                if one.change is None:
                    self.resets += one.reset
                    self.cursor = one.sign()
                    if self.known is None:
                        self.known = await numbers(server)
                    continue
                self.heard[one.change["id"]].append(one.change["new"]["n"])
                left -= 1
                # Signed with each change, since the connection may end at any moment.
                self.cursor = one.sign()
                if left == 0 or self._has_all(last):
                    return

    def _has_all(self, last: dict[str, int]) -> bool:
        known = self.known or {}
        return bool(last) and all(
            (self.heard[id] or [known.get(id, 0)])[-1] >= n for id, n in last.items()
        )


async def numbers(server: Server) -> dict[str, int]:
    return {row["id"]: row["n"] for row in await server.sql("SELECT id, n FROM counted")}


async def write(url: str, seed: int, count: Count, servers: list[Server]) -> None:
    """One writer of short transactions, some of which are undone."""
    chance = random.Random(seed)  # noqa: S311 - repeatable on purpose
    connection = await asyncpg.connect(url)
    while not count.enough:
        row = f"row_{chance.randrange(ROWS)}"
        if chance.random() < 0.02:
            transaction = connection.transaction()
            await transaction.start()
            await connection.execute(COUNT, row, OWNER)
            await transaction.rollback()
            continue
        await connection.execute(COUNT, row, OWNER)
        count.done += 1
        if chance.random() < 0.1:
            chance.choice(servers).services.bus.committed()
    await connection.close()


async def hold(url: str, seed: int, count: Count) -> int:
    """Long transactions on rows of their own: their numbers are old once they are committed."""
    chance = random.Random(seed)  # noqa: S311 - repeatable on purpose
    connection = await asyncpg.connect(url)
    committed = 0
    while not count.enough:
        transaction = connection.transaction()
        await transaction.start()
        await connection.execute("SELECT pg_current_xact_id()")
        await asyncio.sleep(chance.random() * 0.5)
        for _ in range(chance.randrange(3)):
            await connection.execute(COUNT, f"held_{seed}", OWNER)
        await asyncio.sleep(chance.random())
        if chance.random() < 0.3:
            await transaction.rollback()
        else:
            await transaction.commit()
            committed += 1
    await connection.close()
    return committed


async def test_ten_thousand_commits_reach_every_listener_once_and_in_order(
    new_database: NewDatabase, start_server: StartServer
) -> None:
    url = await new_database()
    connection = await asyncpg.connect(url)
    await connection.execute(TABLE)
    ids = [f"row_{n}" for n in range(ROWS)] + [f"held_{n}" for n in range(4)]
    await connection.executemany("INSERT INTO counted VALUES ($1, 0)", [(id,) for id in ids])
    await connection.close()
    servers = [await start_server(url=url, worker=n == 0) for n in range(3)]
    viewer = viewer_of(OWNER)
    listeners = [Listener(servers, viewer, random.Random(n)) for n in range(8)]  # noqa: S311 - as above
    count, last = Count(), dict[str, int]()

    async def join(number: int) -> None:
        while count.done < number * COMMITS // 10:
            await asyncio.sleep(0.01)
        await listeners[number].listen(last)

    listening = [asyncio.create_task(join(number)) for number in range(len(listeners))]
    writing = [write(url, seed, count, servers) for seed in range(WRITERS)]
    held = await asyncio.gather(*writing, *(hold(url, seed, count) for seed in range(4)))
    last.update(await numbers(servers[0]))
    _, late = await asyncio.wait(listening, timeout=60)
    for task in late:
        task.cancel()
    await asyncio.gather(*listening, return_exceptions=True)

    assert sum(last.values()) >= COMMITS
    assert sum(number or 0 for number in held) > 4, "long transactions came in between"
    assert sum(listener.sessions for listener in listeners) > 30
    for listener in listeners:
        check(listener, last)


def check(listener: Listener, last: dict[str, int]) -> None:
    """What was heard, with what was read after the first cursor, is everything, once."""
    assert listener.resets == 0
    assert listener.known is not None
    for id, final in last.items():
        heard, known = listener.heard[id], listener.known[id]
        first = heard[0] if heard else final + 1
        assert heard == list(range(first, final + 1)), f"{id}: each number once, in order"
        assert first <= known + 1, f"{id}: nothing lost between cursor and query"


async def test_a_listener_that_reads_nothing_is_ended_and_loses_nothing(
    new_database: NewDatabase, start_server: StartServer
) -> None:
    url = await new_database()
    server = await start_server(url=url, worker=False)
    await server.sql(TABLE)
    await server.sql("INSERT INTO counted VALUES ('row_0', 0)")
    heard: list[Any] = []
    changes, viewer = server.services.changes, viewer_of(OWNER)
    async with changes.listen(OWNER, viewer, None) as listening:
        cursor = (await anext(listening)).sign()
        for _ in range(5):  # batches that are read while nobody takes them
            for _ in range(300):
                await server.sql(COUNT, "row_0", OWNER)
            server.services.bus.committed()
            await asyncio.sleep(0.05)
        await asyncio.sleep(0.3)
        with pytest.raises(Unavailable):  # noqa: PT012 - what came before it counts
            async with asyncio.timeout(5):
                async for one in listening:
                    cursor = one.sign()
                    heard.append((one.change or {})["new"]["n"])
    assert 0 < len(heard) <= 1_100, "bounded"
    async with changes.listen(OWNER, viewer, cursor) as listening:
        while len(heard) < 1_500:
            heard.append(((await anext(listening)).change or {})["new"]["n"])
    assert heard == list(range(1, 1_501)), "the rest came after resuming"
