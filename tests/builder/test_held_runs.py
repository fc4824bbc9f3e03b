"""`punnet runs release`: what an import held is carried out from then on, and not before."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

import pytest

from models.builder.claims import reap_runs
from tests.harness.answers import ended
from tests.harness.api import Api, Server, StartServer
from tests.harness.commands import punnet
from tests.harness.eventually import eventually
from tests.harness.refusals import refusal
from tests.harness.verbs import actor_of, id_of

READ = """query($id: ID!) { node(id: $id) { ... on AgentRun {
  status outcome claimedBy heldAt model message { id status outcome content model } } } }"""
HOLD = """UPDATE agent_run SET held_at = now(), updated_at = now() - interval '1 day',
    lease_until = now() - interval '1 day',
    status = $2, run_source = $3, model = $4, claimed_by = 'of the source' WHERE id = $1"""
TALK = "SELECT role, content FROM message WHERE project_id = $1 ORDER BY order_id"


@dataclass(frozen=True, slots=True)
class Held:
    """Held runs of one user, as an import leaves them."""

    server: Server
    url: str
    caller: Api

    async def project(self, *said: str) -> str:
        """A project in which the user has said something."""
        made = await self.caller.do(
            "createProject", "{ project { id } }", name="Moved", framework="VUE"
        )
        to = {"projectId": made["project"]["id"]}
        for content in said:
            await self.caller.do("createMessage", "{ message { id } }", to=to, content=content)
        return to["projectId"]

    async def run(
        self,
        project: str,
        value: str = "Build",
        *,
        status: str = "PENDING",
        source: str = "INNGEST",
        model: str | None = None,
    ) -> str:
        """A held run."""
        made = await self.caller.do(
            "enqueueAgentRun", "{ agentRun { id } }", projectId=project, value=value
        )
        id: str = made["agentRun"]["id"]
        await self.server.sql(HOLD, id, status, source, model)
        return id

    async def release(self, *arguments: str) -> list[int]:
        """The four numbers that the command prints: queued, claimable, waiting, deleted."""
        done = await punnet("runs", "release", *arguments, url=self.url)
        assert done.code == 0, done.err
        return [int(line.split()[0].replace(",", "")) for line in done.out.splitlines()]

    async def read(self, run: str) -> dict[str, Any]:
        """A run as its owner sees it."""
        return (await self.caller.run(READ, id=run))["node"]

    async def completed(self, run: str) -> dict[str, Any]:
        """A run once it has ended."""

        async def look() -> dict[str, Any] | None:
            found = await self.read(run)
            return found if found["outcome"] else None

        return await eventually(look)


@pytest.fixture
async def held(start_server: StartServer, database: str) -> Held:
    """See Held; a worker runs."""
    server = await start_server()
    return Held(server, database, server.user())


@pytest.mark.parametrize("status", ["PENDING", "RUNNING"])
async def test_a_held_run_of_a_browser_waits_for_its_release(held: Held, status: str) -> None:
    project = await held.project()
    run = await held.run(project, source="WEBCONTAINER", status=status)
    await reap_runs(actor_of(held.server, None))
    before = await held.read(run)
    assert (before["status"], before["outcome"], before["claimedBy"]) == (
        status, None, "of the source"
    )  # fmt: skip
    assert (await refusal(held.caller, "claimAgentRun", id=run))[0] == "CONFLICT"
    assert await held.release() == [0, 1, 0, 0]
    await reap_runs(actor_of(held.server, None))
    found = await held.read(run)
    assert (found["status"], found["claimedBy"], found["heldAt"]) == ("PENDING", None, None)
    await held.caller.do("claimAgentRun", "{ __typename }", id=run)
    assert await held.release() == [0, 0, 0, 0]
    assert (await held.read(run))["status"] == "RUNNING"


@pytest.mark.parametrize("status", ["PENDING", "RUNNING"])
async def test_the_worker_answers_a_released_run(held: Held, status: str) -> None:
    project = await held.project("Paint it green")
    run = await held.run(project, "Paint it green", status=status, model="mock:raypx-1")
    await asyncio.sleep(1.0)
    assert (await held.read(run))["message"] is None, "nobody may take it before"
    assert await held.release() == [1, 0, 0, 0]
    found = await held.completed(run)
    assert (found["status"], found["outcome"]) == ("COMPLETED", "SUCCEEDED")
    assert found["claimedBy"] == held.server.services.worker.name
    assert found["message"]["status"] == "COMPLETE"
    talk = await held.server.sql(TALK, project)
    assert [(one["role"], one["content"]) for one in talk] == [
        ("USER", "Paint it green"), ("ASSISTANT", found["message"]["content"])
    ]  # fmt: skip
    (work,) = await held.server.sql("SELECT user_id FROM generation")
    assert work["user_id"] == await id_of(held.caller)


async def test_what_nobody_asked_last_is_asked_again(held: Held) -> None:
    project = await held.project()
    run = await held.run(project, "Paint it blue")
    await held.release()
    await held.completed(run)
    talk = await held.server.sql(TALK, project)
    assert [one["role"] for one in talk] == ["USER", "ASSISTANT"]
    assert talk[0]["content"] == "Paint it blue"


async def test_a_model_that_is_not_on_offer_gives_way_to_the_default(held: Held) -> None:
    runs = [
        await held.run(await held.project("Go"), model=model) for model in ("gpt-4", "mock:slow")
    ]
    await held.release()
    models = [(await held.read(run))["message"]["model"] for run in runs]
    assert models == ["mock:raypx-1", "mock:slow"]


async def test_one_answer_at_a_time(held: Held) -> None:
    project = await held.project("First", "Second")
    first, second = [await held.run(project, value) for value in ("First", "Second")]
    assert await held.release() == [1, 0, 1, 0]
    assert (await held.read(second))["heldAt"]
    await held.completed(first)
    assert await held.release() == [1, 0, 0, 0]
    assert (await held.completed(second))["outcome"] == "SUCCEEDED"


async def test_an_answer_that_is_being_written_is_left_in_peace(held: Held) -> None:
    project = await held.project()
    sent = await held.caller.do(
        "sendMessage",
        "{ reply { id } }",
        to={"projectId": project},
        content="Go on",
        model="mock:endless",
    )
    run = await held.run(project)
    assert await held.release() == [0, 0, 1, 0]
    await held.caller.do("stopMessage", "{ __typename }", id=sent["reply"]["id"])
    assert await held.release() == [1, 0, 0, 0]
    reply = (await held.read(run))["message"]["id"]
    assert (await ended(held.caller, reply))["outcome"] == "SUCCEEDED"


async def test_only_what_is_asked_for_is_released(held: Held) -> None:
    other = Held(held.server, held.url, held.server.user("ben"))
    projects = [await held.project(), await held.project(), await other.project()]
    runs = [
        await one.run(project, source="WEBCONTAINER")
        for one, project in zip((held, held, other), projects, strict=True)
    ]
    assert await held.release("--project", projects[0]) == [0, 1, 0, 0]
    assert await held.release("--user", await id_of(other.caller)) == [0, 1, 0, 0]
    rows = await held.server.sql("SELECT id FROM agent_run WHERE held_at IS NOT NULL")
    assert [row["id"] for row in rows] == [runs[1]]


async def test_what_was_deleted_or_called_off_stays_so(held: Held) -> None:
    gone, there = await held.project(), await held.project()
    lost, canceled = await held.run(gone), await held.run(there)
    await held.caller.do("deleteProject", "{ __typename }", id=gone)
    await held.caller.do("cancelAgentRun", "{ __typename }", id=canceled)
    assert await held.release() == [0, 0, 0, 1]
    assert (await held.read(canceled))["outcome"] == "CANCELED"
    (row,) = await held.server.sql("SELECT held_at, message_id FROM agent_run WHERE id = $1", lost)
    assert row["held_at"]
    assert row["message_id"] is None


async def test_many_are_released_in_bounded_transactions(held: Held) -> None:
    project = await held.project()
    for _ in range(120):
        await held.run(project, source="WEBCONTAINER")
    assert await held.release() == [0, 120, 0, 0]
    log = await held.server.sql(
        "SELECT jsonb_array_length(changes) AS n FROM event_log WHERE verb = 'release_runs' "
        "ORDER BY position"
    )
    assert [row["n"] for row in log] == [50, 50, 20]
