"""Hole 16: a deleted project left its imports, runs, files and further fragments behind."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from models.chat.deletion import work_off_deletion
from tests.builder.importing import Place, importing
from tests.harness.api import StartServer
from tests.harness.clock import FakeClock
from tests.harness.eventually import eventually
from tests.harness.verbs import actor_of

FILES = {"a.ts": "1"}
TABLES = (
    "project_import", "agent_run", "file_snapshot", "fragment", "fragment_draft", "attachment",
    "message", "generation",
)  # fmt: skip


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def place(start_server: StartServer, clock: FakeClock) -> AsyncIterator[Place]:
    async with importing(start_server, clock=clock) as made:
        yield made


async def counts(place: Place) -> dict[str, int]:
    rows = [await place.server.sql(f"SELECT count(*) AS n FROM {table}") for table in TABLES]
    return {table: row["n"] for table, (row,) in zip(TABLES, rows, strict=True)}


async def fill(place: Place) -> None:
    """An import, runs, snapshots, a draft, and fragments of several messages."""
    ada, project = place.ada, place.project
    for _ in range(2):
        await place.ended((await place.github_import())["id"])
        await ada.do("saveFiles", "{ __typename }", projectId=project, files=FILES)
        await ada.do("enqueueAgentRun", "{ __typename }", projectId=project, value="Do")
    await ada.do("saveFragmentDraft", "{ __typename }", projectId=project, files=FILES)
    image = {"url": "https://files.example/a.png", "size": 9}
    sent = {"to": {"projectId": project}, "content": "Hi", "attachments": [image]}
    reply = (await ada.do("sendMessage", "{ reply { id } }", **sent))["reply"]["id"]
    done = "SELECT 1 FROM message WHERE id = $1 AND status = 'COMPLETE'"
    await eventually(lambda: place.server.sql(done, reply))


async def test_hole_16_a_deleted_project_takes_all_of_it_along(
    place: Place, clock: FakeClock
) -> None:
    await fill(place)
    assert all((await counts(place)).values()), await counts(place)
    await place.ada.do("deleteProject", "{ __typename }", id=place.project)
    assert await place.ada.run("{ imports { nodes { id } } }") == {"imports": {"nodes": []}}
    clock.advance(days=31)

    async def emptied() -> bool:
        while await work_off_deletion(actor_of(place.server, None)):
            pass
        return not any((await counts(place)).values())

    await eventually(emptied, 30)
