"""Old state and events make the fresh state: a client that subscribes, queries, then applies."""

from __future__ import annotations

import asyncio
import itertools
import random
from typing import Any

import pytest

from tests.harness.api import Api, Refused, StartServer
from tests.harness.copying import LAST, Copy

FIELDS = "{ id orderId role type status outcome content }"
LIST = f"""query($id: ID!, $after: String) {{ project(id: $id) {{
  messages(first: 100, after: $after) {{ nodes {FIELDS} pageInfo {{ hasNextPage endCursor }} }}
}} }}"""
CHANGED = """subscription($of: MessageTarget!, $after: String) {
  messageChanged(of: $of, after: $after) { node { id } cursor } }"""


async def listing(caller: Api, project: str) -> list[dict[str, Any]]:
    """All messages of a project."""
    rows: list[dict[str, Any]] = []
    after = None
    while True:
        page = (await caller.run(LIST, id=project, after=after))["project"]["messages"]
        rows += page["nodes"]
        if not page["pageInfo"]["hasNextPage"]:
            return rows
        after = page["pageInfo"]["endCursor"]


async def act(caller: Api, project: str, chance: random.Random) -> None:
    """Do something to the messages of a project, allowed or not."""
    to = {"projectId": project}
    listed = await listing(caller, project)
    some = chance.choice(listed)["id"] if listed else "msg_none"
    try:
        match chance.randrange(5):
            case 0:
                content = f"hello [[tokens:{chance.randrange(200)}]]"
                await caller.do("sendMessage", "{ reply { id } }", to=to, content=content)
            case 1:
                await caller.do(
                    "sendMessage",
                    "{ reply { id } }",
                    to=to,
                    content="hi [[fail-after:3]] [[delay:1ms]]",
                    model=chance.choice(("mock:fail", "mock:endless")),
                    supersede=True,
                )
            case 2:
                await caller.do("createMessage", "{ message { id } }", to=to, content="a note")
            case 3:
                await caller.do("updateMessage", "{ message { id } }", id=some, content="edited")
            case _:
                await caller.do("stopMessage", "{ message { id } }", id=some)
    except Refused as refused:
        if refused.code not in ("CONFLICT", "NOT_FOUND"):
            raise


async def test_old_state_and_events_are_the_fresh_state(start_server: StartServer) -> None:
    servers = [await start_server(), await start_server(worker=False)]
    callers = [server.user() for server in servers]
    made = await callers[0].do("createProject", "{ project { id } }", name="One", framework="VUE")
    project = made["project"]["id"]
    of = {"projectId": project}

    async def query(caller: Api) -> list[dict[str, Any]]:
        return await listing(caller, project)

    anywhere = itertools.cycle(callers)
    copies = [Copy(lambda: next(anywhere), of, FIELDS, query, seed) for seed in range(8)]
    keeping = [asyncio.create_task(copy.keep()) for copy in copies]

    async def busy(seed: int) -> None:
        chance = random.Random(seed)  # noqa: S311 - repeatable on purpose
        for _ in range(20):
            await act(chance.choice(callers), project, chance)
            await asyncio.sleep(chance.random() * 0.15)

    await asyncio.gather(*(busy(seed) for seed in range(3)))
    await finish(callers[0], project)
    await callers[1].do("createMessage", "{ message { id } }", to=of, content=LAST)
    async with asyncio.timeout(40):
        await asyncio.gather(*keeping)
    fresh = {row["id"]: row for row in await listing(callers[0], project)}
    assert len(fresh) > 20
    assert sum(copy.sessions for copy in copies) > 30
    for copy in copies:
        assert copy.resets == 0
        assert copy.rows == fresh


async def finish(caller: Api, project: str) -> None:
    """Wait for the answer that is being written, or stop it."""
    async with asyncio.timeout(40):
        while True:
            unfinished = [m for m in await listing(caller, project) if m["status"] != "COMPLETE"]
            if not unfinished:
                return
            try:
                await caller.do("stopMessage", "{ message { id } }", id=unfinished[0]["id"])
            except Refused as refused:
                if refused.code != "CONFLICT":
                    raise


async def test_who_loses_the_project_hears_no_more(start_server: StartServer) -> None:
    servers = [await start_server(worker=False) for _ in range(2)]
    callers = [server.user() for server in servers]
    made = await callers[0].do("createProject", "{ project { id } }", name="One", framework="VUE")
    project = made["project"]["id"]
    async with callers[1].listen(CHANGED, of={"projectId": project}) as events:
        cursor = (await events.next())["cursor"]
        await callers[0].do("deleteProject", "{ deletedProjectId }", id=project)
        with pytest.raises(Refused) as refused:
            await events.next(1.0)
        assert refused.value.code == "NOT_FOUND"
    async with callers[1].listen(CHANGED, of={"projectId": project}, after=cursor) as events:
        with pytest.raises(Refused) as refused:
            await events.next()
        assert refused.value.code == "NOT_FOUND"
