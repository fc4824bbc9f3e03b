"""PostgreSQL restarted, crashed, or gone for ten seconds, under load."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from aiohttp import ClientError

from app.postgres import EmbeddedPostgres
from tests.harness.api import Api, Closed, Refused, Server, StartServer
from tests.harness.following import CHANGED, LAST, Copy, listing
from tests.harness.streaming import Text, asked, message_of

BOUND = 6.0  # seconds within which everything is answered


class Load:
    """Everything that goes on while PostgreSQL does not."""

    def __init__(self, server: Server, caller: Api, project: str) -> None:
        self.server = server
        self.caller = caller
        self.project = project
        self.codes: Counter[str] = Counter()
        self.slowest = 0.0
        self.written: list[str] = []
        self.stopped = False

    async def query(self) -> None:
        while not self.stopped:
            await self._timed(lambda: self.caller.run("{ me { id } projects { nodes { id } } }"))

    async def write(self, number: int) -> None:
        to, count = {"projectId": self.project}, 0
        while not self.stopped:
            content = f"{number}-{count}"
            count += 1
            done = await self._timed(
                lambda content=content: self.caller.do(
                    "createMessage", "{ message { id } }", to=to, content=content
                )
            )
            if done:
                self.written.append(content)

    async def subscribe(self) -> None:
        """New sockets all the time."""

        async def first() -> Any:
            async with self.caller.listen(CHANGED, of={"projectId": self.project}) as events:
                return await events.next()

        while not self.stopped:
            await self._timed(first)

    async def stream(self, text: Text) -> None:
        """Follow an answer to its end, coming back after each break."""
        while not text.ended:
            try:
                await text.follow(self.caller)
            except (Refused, Closed, ClientError) as error:
                self._count(error)
                await asyncio.sleep(0.1)

    async def _timed(self, work: Callable[[], Awaitable[Any]]) -> bool:
        started = time.monotonic()
        try:
            await work()
        except (Refused, Closed) as error:
            self._count(error)
            return False
        else:
            self.codes["done"] += 1
            return True
        finally:
            self.slowest = max(self.slowest, time.monotonic() - started)
            await asyncio.sleep(0.02)

    def _count(self, error: Exception) -> None:
        self.codes[str(error.code if isinstance(error, Refused | Closed) else error)] += 1

    async def status(self, path: str) -> int:
        async with self.caller.session.get(f"{self.server.url}{path}") as response:
            return response.status


async def through(
    server: Server, gone: Callable[[Load], Awaitable[None]]
) -> tuple[Load, Text, dict[str, Any]]:
    """Have everything go on while PostgreSQL is taken away, then check that nothing was lost."""
    ada = server.user()
    made = await ada.do("createProject", "{ project { id } }", name="One", framework="VUE")
    project = made["project"]["id"]
    load = Load(server, ada, project)
    text = Text(await asked(ada, "x [[tokens:60]] [[delay:50ms]]"))
    copies = [Copy([ada], project, seed, patience=patience) for seed, patience in ((1, 1), (2, 99))]
    following = [asyncio.create_task(copy.keep()) for copy in copies]
    streaming = asyncio.create_task(load.stream(text))
    working = [load.query(), load.subscribe(), *(load.write(number) for number in range(3))]
    tasks = [asyncio.create_task(work) for work in working]
    await asyncio.sleep(0.5)
    await gone(load)
    await until_ready(load)
    before = len(load.written)
    await asyncio.sleep(0.5)
    load.stopped = True
    await asyncio.gather(*tasks)
    assert len(load.written) > before, "it goes on without a restart"
    async with asyncio.timeout(20):
        to = {"projectId": project}
        await ada.do("createMessage", "{ message { id } }", to=to, content=LAST)
        await asyncio.gather(streaming, *following)
    check(load, copies, await listing(ada, project))
    stored = await message_of(ada, text.message)
    assert text.same_as(stored)
    return load, text, stored


async def until_ready(load: Load) -> None:
    async with asyncio.timeout(10):
        while await load.status("/readyz") != 200:  # noqa: ASYNC110 - it is asked
            await asyncio.sleep(0.05)


def check(load: Load, copies: list[Copy], listed: list[dict[str, Any]]) -> None:
    fresh = {row["id"]: row for row in listed}
    contents = {row["content"] for row in listed}
    assert contents >= set(load.written), "what was answered is there"
    for copy in copies:
        assert {id: row for id, row in (copy.rows or {}).items() if id in fresh} == fresh
    assert set(load.codes) <= {"done", "UNAVAILABLE", "1013"}, load.codes
    assert load.codes["UNAVAILABLE"] > 0
    assert load.slowest < BOUND


async def test_a_restart_is_survived(
    private_postgres: EmbeddedPostgres, start_server: StartServer
) -> None:
    server = await start_server(url=private_postgres.url())

    async def restart(_load: Load) -> None:
        await asyncio.to_thread(private_postgres.stop)
        await asyncio.to_thread(private_postgres.start)
        await asyncio.sleep(0.5)
        await asyncio.to_thread(private_postgres.kill)
        await asyncio.to_thread(private_postgres.start)

    _, _, stored = await through(server, restart)
    assert stored["outcome"] == "SUCCEEDED"


async def test_ten_seconds_without_it_are_survived(
    private_postgres: EmbeddedPostgres, start_server: StartServer
) -> None:
    server = await start_server(url=private_postgres.url())

    async def away(load: Load) -> None:
        await asyncio.to_thread(private_postgres.stop)
        for _ in range(10):
            assert await load.status("/healthz") == 200
            assert await load.status("/readyz") == 503
            await asyncio.sleep(1)
        await asyncio.to_thread(private_postgres.start)

    load, _, stored = await through(server, away)
    assert stored["outcome"] == "SUCCEEDED"
    assert load.codes["UNAVAILABLE"] > 30


async def test_an_idle_subscription_hears_of_what_comes_after(
    private_postgres: EmbeddedPostgres, start_server: StartServer
) -> None:
    server = await start_server(url=private_postgres.url(), worker=False)
    ada = server.user()
    made = await ada.do("createProject", "{ project { id } }", name="One", framework="VUE")
    of = {"projectId": made["project"]["id"]}
    async with ada.listen(CHANGED, of=of) as events:
        await events.next()
        await asyncio.to_thread(private_postgres.stop)
        await asyncio.sleep(1)
        with pytest.raises(Refused) as refused:
            await ada.run("{ me { id } }")
        assert refused.value.code == "UNAVAILABLE"
        await asyncio.to_thread(private_postgres.start)
        await ada.do("createMessage", "{ message { id } }", to=of, content="here again")
        assert (await events.next(2))["node"]["content"] == "here again"
