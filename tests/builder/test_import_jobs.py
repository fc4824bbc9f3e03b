"""Imports as jobs: told while they run, called off, tried again, given up; never half done."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from aiohttp import web

from app.outside import READ_AT_ONCE, WAITING_IMPORTS
from app.threads import Threads
from models.builder.import_jobs import (
    Progress,
    claim_imports,
    give_up_import,
    hand_back_import,
)
from models.builder.import_results import Imported, finish_import
from models.builder.imports import Import, ImportSource, ImportStatus
from models.permissions import Role
from tests.builder.importing import FIELDS, MESSAGES, Place, importing, new_project
from tests.harness.api import Api, Refused, StartServer
from tests.harness.clock import FakeClock
from tests.harness.eventually import eventually
from tests.harness.planting import plant
from tests.harness.planting_orgs import plant_empty_org, plant_member
from tests.harness.refusals import refusal
from tests.harness.verbs import actor_of, id_of

CHANGED = f"""subscription($id: ID!, $after: String) {{
  importChanged(projectId: $id, after: $after) {{ node {FIELDS} deletedId cursor reset }} }}"""
DUE = "SELECT due_at, tries FROM project_import WHERE status = 'PENDING' AND due_at > $1"
DOWN = "GitHub does not answer as it should."


@dataclass
class Timed:
    """A place whose time passes when told."""

    place: Place
    clock: FakeClock

    async def tried(self, tries: int) -> float:
        """Wait until so many tries went wrong; returns the seconds to the next one."""

        async def look() -> Any:
            rows = await self.place.server.sql(DUE, self.clock.now())
            return [row for row in rows if row["tries"] == tries]

        (row,) = await eventually(look)
        return (row["due_at"] - self.clock.now()).total_seconds()


@pytest.fixture
async def place(start_server: StartServer) -> AsyncIterator[Place]:
    async with importing(start_server) as made:
        yield made


@pytest.fixture
async def timed(start_server: StartServer) -> AsyncIterator[Timed]:
    clock = FakeClock()
    async with importing(start_server, clock=clock) as made:
        yield Timed(made, clock)


async def stopped_half_way(place: Place, **more: Any) -> Any:
    """An import that has half of its archive, and gets no more for now."""
    place.github.gate.clear()
    begun = await place.github_import(**more)
    return await place.reached(begun["id"], lambda it: it["bytesDone"] > 0)


async def test_its_steps_are_told(place: Place) -> None:
    async with place.ada.listen(CHANGED, id=place.project) as events:
        first = await events.next()
        assert (first["node"], first["reset"]) == (None, False)
        half = await stopped_half_way(place)
        size = len(place.github.archive)
        assert (half["status"], half["phase"]) == ("PROCESSING", "RUNNING")
        assert (half["bytesDone"], half["bytesTotal"]) == (size // 2, size)
        place.github.gate.set()
        seen = [(await events.next())["node"]]
        while seen[-1]["status"] != "COMPLETE":
            seen.append((await events.next())["node"])
    assert {one["id"] for one in seen} == {half["id"]}
    assert seen[0]["status"] in ("PENDING", "PROCESSING")
    assert (seen[-1]["filesDone"], seen[-1]["bytesDone"]) == (4, size)
    async with place.ada.listen(CHANGED, id=place.project, after=first["cursor"]) as events:
        again = await events.next()
        assert again["node"]["id"] == half["id"], "what was missed comes after the cursor"


async def test_strangers_hear_and_cancel_nothing(place: Place) -> None:
    eve = place.server.user("eve")
    half = await stopped_half_way(place)
    async with eve.listen(CHANGED, id=place.project) as events:
        with pytest.raises(Refused) as refused:
            await events.next()
        assert refused.value.code == "NOT_FOUND"
    assert await refusal(eve, "cancelImport", id=half["id"]) == ("NOT_FOUND", "id")
    query = "query($id: ID!) { import(id: $id) { id } }"
    assert await eve.run(query, id=half["id"]) == {"import": None}
    place.github.gate.set()


async def test_an_import_can_be_called_off(place: Place) -> None:
    half = await stopped_half_way(place)
    found = (await place.ada.do("cancelImport", f"{{ import {FIELDS} }}", id=half["id"]))["import"]
    assert (found["status"], found["outcome"], found["phase"]) == ("FAILED", "CANCELED", "CANCELED")
    running = place.server.services.outside.importer
    await eventually(lambda: _idle(running))
    place.github.gate.set()
    assert await place.messages() == []
    assert (await place.read(half["id"]))["updatedAt"] == found["updatedAt"]
    assert (await refusal(place.ada, "cancelImport", id=half["id"]))[0] == "CONFLICT"


async def _idle(importer: Any) -> bool:
    return importer.running == 0


async def test_what_is_down_is_asked_again_and_given_up_in_the_end(timed: Timed) -> None:
    place = timed.place
    place.github.odd["hello"] = web.json_response({"message": "oops"}, status=502)
    begun = await place.github_import()
    assert await timed.tried(1) == 5
    timed.clock.advance(seconds=5)
    assert await timed.tried(2) == 10
    waiting = await place.read(begun["id"])
    assert (waiting["status"], waiting["error"]) == ("PENDING", None)
    timed.clock.advance(seconds=10)
    found = await place.ended(begun["id"])
    assert (found["status"], found["outcome"], found["error"]) == ("FAILED", "FAILED", DOWN)
    assert len(place.github.seen) == 3
    assert await place.messages() == []


async def test_a_second_try_finishes_it(timed: Timed) -> None:
    place = timed.place
    headers = {"Retry-After": "40"}
    place.github.odd["hello"] = web.json_response({}, status=429, headers=headers)
    begun = await place.github_import()
    assert await timed.tried(1) == 40, "as GitHub wants it"
    place.github.odd.clear()
    timed.clock.advance(seconds=40)
    assert (await place.ended(begun["id"]))["status"] == "COMPLETE"
    assert len(await place.messages()) == 1


@pytest.mark.parametrize(
    "spoilt",
    [
        web.Response(text="<html>"),
        web.json_response([1]),
        web.json_response({"id": "x", "full_name": "octocat/hello"}),
        web.json_response({"id": 1296269, "full_name": None, "html_url": 5}),
    ],
)
async def test_nonsense_leaves_everything_as_it_was(timed: Timed, spoilt: web.Response) -> None:
    place = timed.place
    place.github.odd["hello"] = spoilt
    begun = await place.github_import()
    for tries in (1, 2):
        await timed.tried(tries)
        timed.clock.advance(minutes=1)
    found = await place.ended(begun["id"])
    assert found["status"] == "FAILED"
    assert "oops" not in found["error"]
    assert (found["metadata"], found["fragmentId"], await place.messages()) == (None, None, [])


@pytest.mark.parametrize("source", ["github", "figma"])
async def test_waiting_for_a_thread_is_no_failed_try(place: Place, source: str) -> None:
    async with full(place.server.services.outside.importing):
        begun = await (place.github_import() if source == "github" else place.figma_import())
        await eventually(lambda: _came(place, source))
        await asyncio.sleep(0.5)
        assert (await place.read(begun["id"]))["status"] == "PROCESSING"
    assert (await place.ended(begun["id"]))["status"] == "COMPLETE"
    (row,) = await place.server.sql("SELECT tries FROM project_import")
    assert row["tries"] == 1


@asynccontextmanager
async def full(threads: Threads) -> AsyncIterator[None]:
    """Have no thread, nor room to wait for one."""
    free = threading.Event()
    others = [
        asyncio.create_task(threads.run(free.wait)) for _ in range(READ_AT_ONCE + WAITING_IMPORTS)
    ]
    await asyncio.sleep(0)
    try:
        yield
    finally:
        free.set()
        await asyncio.gather(*others)


async def _came(place: Place, source: str) -> bool:
    return bool(place.github.fetched if source == "github" else place.figma.seen)


async def test_too_long_an_answer_is_not_asked_for_again(place: Place) -> None:
    place.github.odd["hello"] = web.Response(body=b"x" * (2 << 20))
    assert await place.failed() == "The other side does not answer as it should."
    assert len(place.github.seen) == 1


async def test_an_archive_that_never_ends_is_given_up(start_server: StartServer) -> None:
    clock = FakeClock()
    async with importing(start_server, clock=clock, import_timeout=0.5) as place:
        timed = Timed(place, clock)
        place.github.gate.clear()
        begun = await place.github_import()
        for tries in (1, 2):
            await timed.tried(tries)
            clock.advance(minutes=1)
        found = await place.ended(begun["id"])
        assert found["error"] == "The other side does not answer as it should."
        assert await place.messages() == []
        place.github.gate.set()


async def test_whoever_may_not_write_any_more_gets_nothing_done(place: Place) -> None:
    """The right is asked for when it begins, and again when all is read."""
    org, _ = await plant_empty_org(place.server, await id_of(place.server.user("boss")))
    member = await plant_member(place.server, org, await id_of(place.ada), Role.EDITOR)
    place.project = await new_project(place.ada, orgId=org)
    half = await stopped_half_way(place)
    boss = place.server.user("boss")
    await boss.do("removeOrgMember", "{ __typename }", id=member)
    place.github.gate.set()

    async def look() -> Any:
        sql = "SELECT status, error FROM project_import WHERE id = $1 AND status = 'FAILED'"
        return await place.server.sql(sql, half["id"])

    (row,) = await eventually(look)
    assert row["error"].startswith("You may not write to this project any more")
    assert await place.server.sql("SELECT id FROM fragment") == []


async def test_a_deleted_project_takes_nothing_over(place: Place) -> None:
    await stopped_half_way(place)
    await place.ada.do("deleteProject", "{ __typename }", id=place.project)
    place.github.gate.set()
    failed = "SELECT 1 FROM project_import WHERE status = 'FAILED' AND due_at IS NULL"
    await eventually(lambda: place.server.sql(failed))
    assert await place.server.sql("SELECT id FROM message") == []


async def test_what_other_installations_had_under_way_is_carried_out_by_nobody(
    place: Place,
) -> None:
    about = {"source_id": "octocat/hello", "source_name": "octocat/hello"}
    where = {"user_id": await id_of(place.ada), "project_id": place.project}
    for status in (ImportStatus.PENDING, ImportStatus.PROCESSING):
        told = {"source": ImportSource.GITHUB, "source_url": "https://github.com/x", **about}
        await plant(place.server, Import, status=status, **told, **where)
    assert (await place.ended((await place.github_import())["id"]))["status"] == "COMPLETE"
    left = "SELECT 1 FROM project_import WHERE status IN ('PENDING', 'PROCESSING')"
    assert len(await place.server.sql(left)) == 2
    assert len(place.github.fetched) == 1


async def test_few_at_once_and_few_a_minute(place: Place) -> None:
    place.github.gate.clear()
    for _ in range(5):
        await place.github_import()
    given = {"projectId": place.project, "repository": "octocat/hello"}
    assert (await refusal(place.ada, "importGithubRepository", **given))[0] == "CONFLICT"
    place.github.gate.set()
    unfinished = "SELECT 1 AS n WHERE NOT EXISTS (SELECT 1 FROM project_import WHERE due_at > $1)"
    start = place.server.services.ports.clock.now()
    await eventually(lambda: place.server.sql(unfinished, start.replace(year=2000)), 20)
    for _ in range(5):
        await place.ended((await place.github_import())["id"])
    assert (await refusal(place.ada, "importGithubRepository", **given))[0] == "RATE_LIMITED"
    assert len(await all_messages(place.ada, place.project)) == 10


async def all_messages(user: Api, project: str) -> list[Any]:
    return (await user.run(MESSAGES, id=project))["project"]["messages"]["nodes"]


async def test_what_was_read_for_nothing_is_not_kept(start_server: StartServer) -> None:
    """By a worker that has not heard yet that it was called off, or that another one has it."""
    clock = FakeClock()
    async with importing(start_server, worker=False, clock=clock) as place:
        system, user = actor_of(place.server, None), actor_of(place.server, await id_of(place.ada))
        found = Imported("1", "One", "https://x.example", "Done.", 1, {}, {"a.ts": ""})
        lease = timedelta(seconds=30)
        first = (await place.github_import())["id"]
        (job,) = await claim_imports(system, "slow", 1, lease)
        clock.advance(minutes=1)
        (again,) = await claim_imports(system, "slow", 1, lease)
        assert (job.import_id, again.import_id) == (first, first)
        assert not await finish_import(user, job, found, Progress())
        await give_up_import(system, job, "No", None)
        assert (await place.read(first))["status"] == "PROCESSING", "it is the other's"
        await place.ada.do("cancelImport", "{ __typename }", id=first)
        assert not await finish_import(user, again, found, Progress())
        await give_up_import(system, again, "No", None)
        await hand_back_import(system, again)
        assert (await place.read(first))["outcome"] == "CANCELED"
        assert await place.messages() == []
