"""PostgreSQL goes away under load: coded errors in time, and all goes on once it is back."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from app.postgres import EmbeddedPostgres
from tests.harness.api import Api, Refused, Server, StartServer
from tests.harness.eventually import eventually

CALLERS = 6
ASK = "Build me a page [[tokens:400]] [[delay:10ms]]"  # 4 seconds and more
LEASE = 3.0
AWAY = 10.0  # seconds
ANSWERED = 6.0  # seconds for any answer meanwhile: a connection may take CONNECT, 5
BACK = 4.0  # seconds until all works again
FOLLOWED = 30.0  # seconds for the answers to end and the readers to catch up

CREATE = """mutation($name: String!, $key: String!) {
  createProject(input: {name: $name, framework: NEXTJS, idempotencyKey: $key}) { project { id } }
}"""
QUERIES = (
    "{ me { id } projects(first: 5) { nodes { id name messages(first: 3) { nodes { id } } } } }"
)
STREAM = """subscription($id: ID!, $after: String) {
  messageStreamed(messageId: $id, after: $after) { text cursor reset } }"""
CHANGED = """subscription($id: ID!, $after: String) {
  messageChanged(of: {projectId: $id}, after: $after) { node { id } cursor reset } }"""
WHOLE = "query($id: ID!) { message(id: $id) { status outcome content } }"


@dataclass
class Load:
    """What callers saw: codes of refusals, the slowest answer, and projects they were told of."""

    codes: Counter[str] = field(default_factory=Counter)
    statuses: Counter[int] = field(default_factory=Counter)
    slowest: float = 0.0
    made: dict[str, str] = field(default_factory=dict)
    last_refusal: float = 0.0
    heard: list[str] = field(default_factory=list)
    ends: list[str] = field(default_factory=list)
    over: bool = False

    async def call(self, api: Api, query: str, **variables: Any) -> Any:
        """Ask once; None when it was refused."""
        started = time.monotonic()
        body = {"query": query, "variables": variables}
        async with api.session.post(api.url, json=body, headers=api.headers) as response:
            told = await response.json(content_type=None)
        now = time.monotonic()
        self.slowest = max(self.slowest, now - started)
        self.statuses[response.status] += 1
        for error in told.get("errors", ()):
            self.codes[error["extensions"]["code"]] += 1
            self.last_refusal = now
        return None if told.get("errors") else told["data"]

    async def read(self, api: Api) -> None:
        """Ask queries all the time."""
        while not self.over:
            await self.call(api, QUERIES)
            await asyncio.sleep(0.02)

    async def write(self, api: Api, name: str) -> None:
        """Create projects, each repeated with its key until it is there."""
        for number in itertools.count():
            key = f"{name}-{number}"
            made = await eventually(lambda key=key: self.call(api, CREATE, name=key, key=key), 60)
            self.made[key] = made["createProject"]["project"]["id"]
            if self.over:
                return
            await asyncio.sleep(0.02)


async def follow(api: Api, message_id: str, ends: list[str]) -> str:
    """The text of an answer to its end, resumed wherever the stream broke off."""
    text, cursor = "", None
    while True:
        try:
            async with api.listen(STREAM, id=message_id, after=cursor) as events:
                async for event in events:
                    text = event["text"] if event["reset"] else text + event["text"]
                    cursor = event["cursor"]
                return text
        except Refused as refused:
            ends.append(refused.code)
        except TypeError:
            ends.append("closed")  # before the acknowledgement
        await asyncio.sleep(0.1)


async def hear(api: Api, project: str, scene: Load) -> None:
    """The changes of a project's messages, resumed wherever the subscription broke off."""
    cursor = None
    while not scene.over:
        try:
            async with api.listen(CHANGED, id=project, after=cursor) as events:
                async for event in events:
                    assert not event["reset"]
                    cursor = event["cursor"]
                    if event["node"]:
                        scene.heard.append(event["node"]["id"])
        except Refused as refused:
            scene.ends.append(refused.code)
        except TypeError:
            scene.ends.append("closed")
        await asyncio.sleep(0.1)


async def status(server: Server, path: str) -> int:
    """The status of a page, within the time that any answer may take."""
    async with asyncio.timeout(ANSWERED), server.session.get(f"{server.url}{path}") as response:
        return response.status


async def under_load(server: Server, meanwhile: Callable[[Load], Awaitable[None]]) -> None:
    """Have something happen under a load of everything; all goes on and nothing is lost."""
    load, ada = Load(), server.user()
    made = await ada.do("createProjectWithMessage", "{ project { id } reply { id } }", content=ASK)
    project, reply = made["project"]["id"], made["reply"]["id"]
    async with asyncio.TaskGroup() as group:
        for number in range(CALLERS):
            group.create_task(load.read(server.user(f"user{number}")))
            group.create_task(load.write(server.user(f"user{number}"), f"user{number}"))
        following = group.create_task(follow(ada, reply, load.ends))
        hearing = group.create_task(hear(ada, project, load))
        await asyncio.sleep(1)
        assert not load.codes
        await meanwhile(load)
        async with asyncio.timeout(FOLLOWED):
            text = await following
            to = {"projectId": project}
            added = await ada.do("createMessage", "{ message { id } }", to=to, content="x")
            await eventually(lambda: _has(load.heard, added["message"]["id"]), FOLLOWED)
        load.over = True
        hearing.cancel()
    whole = (await ada.run(WHOLE, id=reply))["message"]
    assert whole == {"status": "COMPLETE", "outcome": "SUCCEEDED", "content": text}
    assert reply in load.heard
    assert load.slowest < ANSWERED
    assert set(load.codes) == {"UNAVAILABLE"}
    assert set(load.statuses) <= {200, 503}
    assert set(load.ends) <= {"UNAVAILABLE", "closed"}
    there = {row["id"] for row in await server.sql("SELECT id FROM project")}
    assert there == {project, *load.made.values()}  # repeated with its key, made once


async def _has(heard: list[str], id: str) -> bool:
    return id in heard


async def works_again(server: Server, load: Load) -> None:
    """Within BACK everybody is answered, and stays so."""
    started = time.monotonic()
    await eventually(lambda: _is_ready(server), BACK)
    await asyncio.sleep(max(0.0, started + BACK - time.monotonic()))
    made = len(load.made)
    await asyncio.sleep(1)
    assert load.last_refusal < started + BACK
    assert len(load.made) > made


async def _is_ready(server: Server) -> bool:
    return await status(server, "/readyz") == 200


async def test_gone_for_ten_seconds(
    private_postgres: EmbeddedPostgres, start_server: StartServer
) -> None:
    server = await start_server(private_postgres.url(), lease=LEASE)

    async def gone(load: Load) -> None:
        await asyncio.to_thread(private_postgres.kill)
        until = time.monotonic() + AWAY
        await asyncio.sleep(0.5)
        while time.monotonic() < until:
            refused = load.codes["UNAVAILABLE"]
            assert await status(server, "/healthz") == 200
            assert await status(server, "/readyz") == 503
            await asyncio.sleep(0.5)
            assert load.codes["UNAVAILABLE"] > refused
        await asyncio.to_thread(private_postgres.start)
        await works_again(server, load)

    await under_load(server, gone)


async def test_a_quick_restart(
    private_postgres: EmbeddedPostgres, start_server: StartServer
) -> None:
    server = await start_server(private_postgres.url(), lease=LEASE)

    async def restarted(load: Load) -> None:
        await asyncio.to_thread(private_postgres.stop)
        await asyncio.to_thread(private_postgres.start)
        await works_again(server, load)

    await under_load(server, restarted)
