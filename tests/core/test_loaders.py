"""Loaders: whoever is cancelled takes nothing from the others, errors are not kept, SQL stops."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import pytest
from aiohttp import ClientTimeout

from graphql_schema.core.loaders import Loaders
from models.chat.projects import Project
from models.reading import Lookup
from models.viewer import viewer_of
from tests.harness.api import Server, StartServer

DRAFT = "query($id: ID!) { project(id: $id) { draft { id } } }"


async def _project_with_draft(server: Server) -> str:
    ada = server.user()
    made = await ada.do("createProject", "{ project { id } }", name="App", framework="VUE")
    id: str = made["project"]["id"]
    await ada.do("saveFragmentDraft", "{ draft { id } }", projectId=id, files={})
    return id


async def test_a_failed_field_takes_nothing_from_others_that_wait_for_the_same_row(
    start_server: StartServer,
) -> None:
    server = await start_server(worker=False)
    id = await _project_with_draft(server)
    # In `one`, the page that can't be null fails, so its sibling, which waits for the draft that
    # `two` waits for as well, is cancelled.
    response = await server.user().ask(
        """query($id: ID!) {
          one: project(id: $id) { draft { id } messages(first: -1) { nodes { id } } }
          two: project(id: $id) { draft { id } } }""",
        id=id,
    )
    assert [error["extensions"]["code"] for error in response["errors"]] == ["INVALID"]
    assert response["data"]["one"] is None
    assert response["data"]["two"]["draft"] is not None


class Flaky:
    """A database whose first answer is an error."""

    def __init__(self) -> None:
        self.asked = 0

    async def fetch(self, query: str, *args: Any) -> list[Any]:
        self.asked += 1
        if self.asked == 1:
            raise ConnectionError
        return []


async def test_an_error_is_not_remembered() -> None:
    database = Flaky()
    loaders = Loaders(database, viewer_of("usr_a"))  # type: ignore[arg-type]
    with pytest.raises(ConnectionError):
        await loaders.row(Lookup(Project), "prj_a")
    assert await loaders.row(Lookup(Project), "prj_a") is None
    assert await loaders.row(Lookup(Project), "prj_a") is None
    assert database.asked == 2, "the row that is not there is remembered, the error is not"


async def test_a_waiter_that_is_cancelled_leaves_the_row_to_the_others() -> None:
    loaders = Loaders(Flaky(), viewer_of("usr_a"))  # type: ignore[arg-type]
    with pytest.raises(ConnectionError):
        await loaders.row(Lookup(Project), "prj_b")
    waiters = [asyncio.create_task(loaders.row(Lookup(Project), "prj_a")) for _ in range(3)]
    await asyncio.sleep(0)
    waiters[0].cancel()
    results = await asyncio.gather(*waiters, return_exceptions=True)
    assert isinstance(results[0], asyncio.CancelledError)
    assert results[1:] == [None, None]
    assert await loaders.row(Lookup(Project), "prj_a") is None


@asynccontextmanager
async def _locked_drafts(server: Server, database: str) -> AsyncIterator[asyncpg.Connection]:
    """Let whoever reads a draft wait."""
    connection = await asyncpg.connect(database)
    try:
        async with connection.transaction():
            await connection.execute("LOCK TABLE fragment_draft")
            yield connection
    finally:
        await connection.close()


async def _readers(connection: asyncpg.Connection, count: int) -> None:
    """Wait until so many statements wait for the drafts."""
    async with asyncio.timeout(5):
        while await connection.fetchval(WAITING) != count:
            await asyncio.sleep(0.02)


WAITING = """\
SELECT count(*) FROM pg_locks WHERE relation = 'fragment_draft'::regclass AND NOT granted"""


async def test_reading_stops_when_the_client_goes_away(
    start_server: StartServer, database: str
) -> None:
    server = await start_server(worker=False)
    id = await _project_with_draft(server)
    ada = server.user()
    body = {"query": DRAFT, "variables": {"id": id}}
    async with _locked_drafts(server, database) as connection:
        request = asyncio.create_task(
            ada.session.post(
                ada.url, json=body, headers=ada.headers, timeout=ClientTimeout(total=60)
            )
        )
        await _readers(connection, 1)
        request.cancel()
        await asyncio.gather(request, return_exceptions=True)
        await _readers(connection, 0)


async def test_reading_stops_when_the_time_is_up(start_server: StartServer, database: str) -> None:
    server = await start_server(worker=False, request_timeout=0.4)
    id = await _project_with_draft(server)
    async with _locked_drafts(server, database) as connection:
        assert await server.user().code(DRAFT, id=id) == "TIMEOUT"
        await _readers(connection, 0)
