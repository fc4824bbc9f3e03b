"""SIGTERM under load: what was done was answered, the rest was handed back, nobody hangs."""

from __future__ import annotations

import asyncio
import itertools
import signal
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from aiohttp import ClientError, ClientSession, WSMsgType

from tests.harness.api import Api
from tests.harness.eventually import eventually
from tests.harness.fleet import Fleet
from tests.harness.nursery import nursery

WITHIN = 10.0  # seconds from SIGTERM to the end
CREATE = """mutation($name: String!) {
  createProject(input: {name: $name, framework: NEXTJS}) { project { name } } }"""
STREAM = "subscription($id: ID!) { messageStreamed(messageId: $id) { text cursor } }"
SLOW = "[[tokens:3000]] [[delay:5ms]]"  # 15 seconds
NAMES = itertools.count()


@pytest.fixture
async def fleet(database: str, tmp_path: Path) -> AsyncIterator[Fleet]:
    async with nursery(tmp_path) as made, ClientSession() as session:
        yield Fleet(made, database, session, {"lease": 30})


async def rows(fleet: Fleet, query: str) -> list[dict[str, Any]]:
    """What the database holds."""
    connection = await asyncpg.connect(fleet.database)
    try:
        return [dict(row) for row in await connection.fetch(query)]
    finally:
        await connection.close()


async def write_by_http(api: Api, answered: set[str]) -> None:
    """Create projects until the server is gone; note those that were answered."""
    while True:
        name = f"http {next(NAMES)}"
        try:
            await api.run(CREATE, name=name)
        except (ClientError, OSError):
            return
        answered.add(name)


async def write_by_socket(api: Api, answered: set[str]) -> int:
    """The same over one WebSocket, five at a time; returns how it was closed."""
    token = {"authorization": f"Bearer {api.token}"}
    async with api.session.ws_connect(api.url, protocols=["graphql-transport-ws"]) as socket:
        await socket.send_json({"type": "connection_init", "payload": token})
        running = 0
        async for message in socket:
            told = message.json()
            if told["type"] == "next":
                answered.add(told["payload"]["data"]["createProject"]["project"]["name"])
            running -= told["type"] == "complete"
            while running < 5 and told["type"] in {"connection_ack", "complete"}:
                running += 1
                name = f"socket {next(NAMES)}"
                payload = {"query": CREATE, "variables": {"name": name}}
                try:
                    await socket.send_json({"type": "subscribe", "id": name, "payload": payload})
                except (ClientError, OSError):
                    break
        assert socket.close_code is not None
        return socket.close_code


async def follow(api: Api, texts: dict[str, str]) -> int:
    """Follow a long answer until the socket ends; returns how it was closed."""
    made = await api.do("createProjectWithMessage", "{ reply { id } }", content=SLOW)
    id = made["reply"]["id"]
    async with api.listen(STREAM, id=id) as events:
        while True:
            received = await events.socket.receive()
            if received.type is not WSMsgType.TEXT:
                return events.socket.close_code
            event = received.json()["payload"]["data"]["messageStreamed"]
            texts[id] = texts.get(id, "") + event["text"]


async def test_sigterm_under_load(fleet: Fleet) -> None:
    server = await fleet.start("serve")
    answered: set[str] = set()
    texts: dict[str, str] = {}
    async with asyncio.TaskGroup() as group:
        users = [fleet.api(f"user{number}") for number in range(8)]
        http = [group.create_task(write_by_http(api, answered)) for api in users]
        sockets = [group.create_task(write_by_socket(api, answered)) for api in users[:3]]
        streams = [group.create_task(follow(api, texts)) for api in users]

        async def loaded() -> bool:
            names = {name.split()[0] for name in answered}
            return len(texts) == 8 and len(answered) > 50 and len(names) == 2

        await eventually(loaded, 30)
        started = time.monotonic()
        server.child.send(signal.SIGTERM)
        async with asyncio.timeout(WITHIN):
            assert await server.child.ended == 0, server.child.log.read_text()
    assert time.monotonic() - started < WITHIN
    assert all(task.done() for task in http)
    assert [task.result() for task in sockets] == [1001] * 3
    assert [task.result() for task in streams] == [1001] * 8
    there = {row["name"] for row in await rows(fleet, "SELECT name FROM project")}
    made = {name for name in there if name.startswith(("http ", "socket "))}
    assert made - answered == set()  # done, but nobody was told
    assert answered - made == set()
    given_back = await rows(fleet, "SELECT state, tries, worker FROM generation")
    assert given_back == [{"state": "QUEUED", "tries": 0, "worker": None}] * 8
    logged = [line for line in server.child.lines() if line["level"] in {"error", "critical"}]
    assert logged == []
