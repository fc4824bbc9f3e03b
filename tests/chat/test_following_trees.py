"""Old state and events make the fresh state of a conversation: its tree, branch and deletions."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest
from aiohttp import ClientSession

from tests.harness.api import StartServer
from tests.harness.copying import Copy
from tests.harness.fleet import Fleet
from tests.harness.nursery import nursery
from tests.harness.talking import Talk, check_copies
from tests.harness.tools import TOOLS

KILLS = 5  # of servers, and of workers
COPIES = 8


@pytest.fixture
async def pool(database: str) -> AsyncIterator[asyncpg.Pool]:
    """Connections that no server knows of."""
    async with asyncpg.create_pool(database, min_size=1, max_size=4) as made:
        yield made


async def test_old_state_and_events_are_the_fresh_state_of_a_tree(
    start_server: StartServer, pool: asyncpg.Pool, tmp_path: Path
) -> None:
    servers = [await start_server(tools=TOOLS), await start_server(worker=False)]
    callers = [server.user() for server in servers]
    made = await callers[0].do("createConversation", "{ conversation { id } }")
    anywhere = itertools.cycle(callers)
    notes = tmp_path / "notes"
    talk = Talk(pool, lambda: next(anywhere), made["conversation"]["id"], notes)
    copies = [talk.copy(seed) for seed in range(COPIES)]
    first, later = copies[: COPIES // 2], copies[COPIES // 2 :]
    keeping = await begun(first)
    acting = asyncio.gather(*(talk.busy(seed) for seed in range(3)))
    for copy in later:
        await asyncio.sleep(0.2)
        keeping.append(asyncio.create_task(copy.keep()))
    await acting
    await talk.finish()
    async with asyncio.timeout(40):
        await asyncio.gather(*keeping)
    assert len(await talk.rows()) > 20
    assert sum(copy.sessions for copy in copies) > 30
    await check_copies(talk, copies, first)


async def test_kills_lose_no_change(database: str, pool: asyncpg.Pool, tmp_path: Path) -> None:
    async with nursery(tmp_path) as children, ClientSession() as session:
        fleet = Fleet(children, database, session, {"tools": json.dumps(TOOLS)})
        await asyncio.gather(*(fleet.start(kind) for kind in ("serve", "serve", "worker")))
        made = await fleet.api("ada").do("createConversation", "{ conversation { id } }")
        id, notes = made["conversation"]["id"], tmp_path / "notes"
        talk = Talk(pool, lambda: fleet.api("ada"), id, notes)
        copies = [talk.copy(seed) for seed in range(COPIES // 2)]
        keeping = await begun(copies)
        acting = asyncio.gather(*(talk.busy(seed) for seed in range(3)))
        for kind in ("serve", "worker") * KILLS:
            await asyncio.sleep(0.2)
            await fleet.kill(next(one for one in fleet.members if one.kind == kind))
            await fleet.start(kind)
        await acting
        await talk.finish()
        async with asyncio.timeout(60):
            await asyncio.gather(*keeping)
        assert len(await talk.rows()) > 10
        await check_copies(talk, copies, copies)


async def begun(copies: list[Copy]) -> list[asyncio.Task[None]]:
    """Have copies be kept, once all of them have begun."""
    keeping = [asyncio.create_task(copy.keep()) for copy in copies]
    while any(copy.rows is None for copy in copies):
        await asyncio.sleep(0.02)
    return keeping
