"""Runs that an import held: seen, called off, and otherwise left alone by everybody."""

from __future__ import annotations

from typing import Any

import pytest

from models.builder.claims import reap_runs
from tests.harness.api import StartServer
from tests.harness.clock import FakeClock
from tests.harness.mutations import FILES, Scene
from tests.harness.refusals import refusal
from tests.harness.story import told
from tests.harness.verbs import actor_of

READ = "query($id: ID!) { node(id: $id) { ... on AgentRun { status heldAt claimedBy } } }"
WAITING = "query($id: ID!) { pendingAgentRuns(projectId: $id) { nodes { id } } }"


class Held:
    """A project whose owner has runs, and a clock."""

    def __init__(self, scene: Scene, clock: FakeClock) -> None:
        self.scene = scene
        self.clock = clock

    async def enqueue(self, project: str) -> str:
        """A run that waits."""
        wish = {"projectId": project, "value": "Build"}
        made = await self.scene.caller.do("enqueueAgentRun", "{ agentRun { id } }", **wish)
        return made["agentRun"]["id"]

    async def hold(self, run: str) -> None:
        """Hold a run as an import does."""
        hold = "UPDATE agent_run SET held_at = $2 WHERE id = $1"
        await self.scene.server.sql(hold, run, self.clock.now())

    async def waiting(self, project: str) -> list[str]:
        """What may be claimed."""
        found = await self.scene.caller.run(WAITING, id=project)
        return [node["id"] for node in found["pendingAgentRuns"]["nodes"]]

    async def read(self, run: str) -> dict[str, Any]:
        return (await self.scene.caller.run(READ, id=run))["node"]


@pytest.fixture
async def held(start_server: StartServer) -> Held:
    clock = FakeClock()
    server = await start_server(worker=False, clock=clock)
    return Held(Scene(server, server.user()), clock)


async def test_a_held_run_waits_for_nobody(held: Held) -> None:
    project = await held.scene.project()
    run, free = await held.enqueue(project), await held.enqueue(project)
    await held.hold(run)
    since = told(held.clock.now())
    assert await held.waiting(project) == [free]
    assert (await refusal(held.scene.caller, "claimAgentRun", id=run))[0] == "CONFLICT"
    held.clock.advance(hours=3)
    assert await reap_runs(actor_of(held.scene.server, None)) == 1, "the one that is not held"
    assert (await held.read(free))["status"] == "FAILED"
    assert await held.read(run) == {"status": "PENDING", "heldAt": since, "claimedBy": None}


async def test_a_run_that_is_held_while_it_runs_goes_on_for_nobody(held: Held) -> None:
    caller, run = held.scene.caller, await held.enqueue(await held.scene.project())
    await caller.do("claimAgentRun", "{ __typename }", id=run)
    await held.hold(run)
    before = await held.read(run)
    for mutation, more in (
        ("heartbeatAgentRun", {}),
        ("failAgentRun", {"error": "No"}),
        ("completeAgentRun", {"summary": "Done", "files": FILES}),
    ):
        assert (await refusal(caller, mutation, id=run, **more))[0] == "CONFLICT", mutation
    held.clock.advance(hours=3)
    await reap_runs(actor_of(held.scene.server, None))
    assert await held.read(run) == before


async def test_a_held_run_may_be_called_off(held: Held) -> None:
    run = await held.enqueue(await held.scene.project())
    await held.hold(run)
    await held.scene.caller.do("cancelAgentRun", "{ __typename }", id=run)
    assert (await held.read(run))["status"] == "FAILED"
