"""Processes that are killed: every message ends, and no client is left with what is not stored."""

from __future__ import annotations

import asyncio
import random
import time
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import ClientError

from tests.harness.api import Api, Closed, Refused
from tests.harness.cluster import Cluster, Process
from tests.harness.processes import ask
from tests.harness.streaming import Text, asked, message_of

KILLS = 50
LEASE = 1.5  # seconds
USERS = 6
LONGEST = 3.0  # seconds that an answer takes to write


@dataclass
class Client:
    """Asks again and again, and follows each answer over whatever server is there."""

    cluster: Cluster
    name: str
    chance: random.Random
    killing: bool = True
    texts: list[Text] = field(default_factory=list)
    outcomes: list[str] = field(default_factory=list)
    slowest: float = 0.0

    async def run(self) -> None:
        while self.killing:
            started = time.monotonic()
            await self._one()
            self.slowest = max(self.slowest, time.monotonic() - started)

    async def _one(self) -> None:
        content = f"x [[tokens:{self.chance.randrange(30, 250)}]] [[delay:8ms]]"
        key = uuid.uuid4().hex
        message = await self._again(lambda api: asked(api, content, idempotencyKey=key))
        text = Text(message)
        self.texts.append(text)
        while not text.ended:
            await self._again(text.follow)
        stored = await self._again(lambda api: message_of(api, message))
        assert stored["status"] == "COMPLETE"
        assert text.same_as(stored), "what the client has is what is stored"
        self.outcomes.append(stored["outcome"])

    async def _again(self, work: Callable[[Api], Awaitable[Any]]) -> Any:
        """Do something on one server after another until it is done."""
        while True:
            serving = [process for process in self.cluster.processes if process.url]
            try:
                return await work(self.cluster.user(self.chance.choice(serving), self.name))
            except (ClientError, OSError, Closed):
                await asyncio.sleep(0.05)
            except Refused as refused:
                if refused.code != "UNAVAILABLE":
                    raise


async def test_fifty_kills_lose_nothing(cluster: Cluster) -> None:
    cluster.settings["lease"] = str(LEASE)
    chance = random.Random(11)  # noqa: S311 - repeatable on purpose
    for kind in ("serve", "serve", "serve", "worker", "worker"):
        await started(cluster, kind)
    clients = [
        Client(cluster, f"user{n}", random.Random(n))  # noqa: S311 - as above
        for n in range(USERS)
    ]
    running = [asyncio.create_task(client.run()) for client in clients for _ in range(2)]
    starting: list[asyncio.Task[Process]] = []
    kills = 0
    while kills < KILLS:
        await asyncio.sleep(0.1 + chance.random() * 0.2)
        serving = [process for process in cluster.processes if process.url]
        victim = chance.choice(cluster.processes)
        if serving in ([], [victim]):
            continue  # somebody must be there to be asked
        cluster.kill(victim)
        kills += 1
        starting.append(asyncio.create_task(started(cluster, victim.kind)))
        assert not any(task.done() for task in running), [task for task in running if task.done()]
    await asyncio.gather(*starting, return_exceptions=True)  # some were killed before they served
    for client in clients:
        client.killing = False
    # A dead worker's lease and the reaper's round, then the answer anew; twice at most.
    async with asyncio.timeout(3 * (LEASE + LEASE / 3 + LONGEST)):
        await asyncio.gather(*running)
    texts = [text for client in clients for text in client.texts]
    outcomes = [outcome for client in clients for outcome in client.outcomes]
    assert len(outcomes) == len(texts) > 2 * USERS
    assert set(outcomes) <= {"SUCCEEDED", "FAILED"}
    assert outcomes.count("SUCCEEDED") > outcomes.count("FAILED")
    assert sum(text.resets for text in texts) > 5, "some answers were begun anew"
    assert sum(text.sessions for text in texts) > len(texts) + 10, "some streams broke"


async def started(cluster: Cluster, kind: str) -> Process:
    process = await cluster.fork(kind)
    return await process.serving(10) if kind == "serve" else process


# -- ending in order -----------------------------------------------------------------------


@dataclass
class Load:
    """Somebody who writes and reads without pause, and knows what was answered."""

    caller: Api
    project: str
    answered: list[str] = field(default_factory=list)
    asked: int = 0

    async def run(self, number: int) -> None:
        """Write until the server is gone."""
        to = {"projectId": self.project}
        while True:
            content = f"{number}-{self.asked}"
            self.asked += 1
            try:
                await self.caller.do("createMessage", "{ message { id } }", to=to, content=content)
            except (ClientError, OSError):
                return
            self.answered.append(content)


async def test_a_server_that_is_told_to_end_leaves_nothing_undone(cluster: Cluster) -> None:
    server = await cluster.start("serve", lease=30).serving()
    ada = cluster.user(server)
    message = await asked(ada, "x [[tokens:100]] [[delay:30ms]]")
    text = Text(message)
    made = await ada.do("createProject", "{ project { id } }", name="One", framework="VUE")
    load = Load(ada, made["project"]["id"])
    loading = [asyncio.create_task(load.run(number)) for number in range(8)]
    await text.follow(ada, 3)
    following = asyncio.create_task(text.follow(ada))
    await asyncio.sleep(0.5)
    started_at = time.monotonic()
    assert await server.terminated(10) == 0
    assert time.monotonic() - started_at < 10
    with pytest.raises(Closed) as closed:
        await following
    assert closed.value.code == 1001
    async with asyncio.timeout(5):
        await asyncio.gather(*loading)
    assert len(load.answered) > 20

    written = "SELECT array_agg(content) FROM message WHERE content ~ '^[0-9]+-[0-9]+$'"
    assert sorted(await ask(cluster.url, written)) == sorted(load.answered), (
        "what was done was answered"
    )
    waiting = "SELECT (state, tries, epoch)::text FROM generation"
    assert await ask(cluster.url, waiting) == "(QUEUED,0,1)", "handed back, and no try counted"

    other = await started(cluster, "serve")
    await text.follow(cluster.user(other))
    assert text.same_as(await message_of(cluster.user(other), message))
    assert text.resets == 1


async def test_a_worker_that_is_told_to_end_hands_its_work_to_another(cluster: Cluster) -> None:
    server = await cluster.fork("serve", worker=False)
    ada = cluster.user(await server.serving())
    worker = cluster.start("worker", lease=30)
    text = Text(await asked(ada, "x [[tokens:60]] [[delay:30ms]]"))
    await text.follow(ada, 2)
    await started(cluster, "worker")
    assert await worker.terminated(10) == 0
    async with asyncio.timeout(20):
        await text.follow(ada)
    assert text.same_as(await message_of(ada, text.message))
    assert text.resets == 1
    done = "SELECT (state, tries, epoch)::text FROM generation"
    assert await ask(cluster.url, done) == "(DONE,1,2)"
