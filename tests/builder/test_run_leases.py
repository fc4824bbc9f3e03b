"""Runs that are left: given back twice at most, failed when nobody takes them up."""

from __future__ import annotations

from typing import Any

import pytest

from models.builder.claims import reap_runs
from tests.harness.api import Server, StartServer
from tests.harness.clock import FakeClock
from tests.harness.eventually import eventually
from tests.harness.mutations import FILES, Scene
from tests.harness.refusals import refusal
from tests.harness.verbs import actor_of

READ = """query($id: ID!) { node(id: $id) { ... on AgentRun { status outcome claimedBy error
  leaseUntil message { status outcome type content } } } }"""


class Waiting:
    """A scene in which time passes when told, and the reaper comes by at once.

    That a server's worker sends the reaper by itself is a test of `tests/core/test_notes.py`.
    """

    def __init__(self, server: Server, clock: FakeClock) -> None:
        self.scene = Scene(server, server.user())
        self.clock = clock

    async def after(self, run: str, **duration: float) -> dict[str, Any]:
        """The run when that much time has passed."""
        self.clock.advance(**duration)
        await reap_runs(actor_of(self.scene.server, None))
        return (await self.scene.caller.run(READ, id=run))["node"]

    async def claim(self, run: str) -> None:
        """Claim a run as its owner."""
        await self.scene.caller.do("claimAgentRun", "{ __typename }", id=run)


@pytest.fixture
async def waiting(start_server: StartServer) -> Waiting:
    """See Waiting."""
    clock = FakeClock()
    return Waiting(await start_server(worker=False, clock=clock), clock)


async def test_a_run_that_is_left_is_given_back_twice(waiting: Waiting) -> None:
    """design: a claimed run whose lease ends is PENDING again, twice at most."""
    run = await waiting.scene.sent_run()
    for _ in range(2):
        await waiting.claim(run)
        assert (await waiting.after(run, minutes=5))["status"] == "RUNNING", "it just ends now"
        found = await waiting.after(run, milliseconds=1)
        assert (found["status"], found["claimedBy"], found["leaseUntil"]) == (
            "PENDING", None, None
        )  # fmt: skip
        assert found["message"]["status"] == "PENDING"
        code, _ = await refusal(
            waiting.scene.caller, "completeAgentRun", id=run, summary="Late", files=FILES
        )
        assert code == "CONFLICT", "who was away has lost it"
    await waiting.claim(run)
    found = await waiting.after(run, minutes=5, milliseconds=1)
    assert (found["status"], found["outcome"], found["error"]) == (
        "FAILED", "FAILED", "The worker went away."
    )  # fmt: skip
    assert found["message"] == {
        "status": "COMPLETE", "outcome": "FAILED", "type": "ERROR",
        "content": "The worker went away.",
    }  # fmt: skip


async def test_a_heartbeat_keeps_a_run(waiting: Waiting) -> None:
    run = await waiting.scene.claimed()
    for _ in range(3):
        assert (await waiting.after(run, minutes=4))["status"] == "RUNNING"
        await waiting.scene.caller.do("heartbeatAgentRun", "{ __typename }", id=run)
    assert (await waiting.after(run, minutes=6))["status"] == "PENDING"


async def test_a_run_that_nobody_claims_fails(waiting: Waiting) -> None:
    """design: unclaimed for 15 minutes it is FAILED."""
    run, bare = await waiting.scene.sent_run(), await waiting.scene.run()
    found = await waiting.after(run, minutes=15)
    assert (found["status"], found["outcome"]) == ("PENDING", None)
    found = await waiting.after(run, milliseconds=1)
    assert (found["status"], found["outcome"], found["error"]) == (
        "FAILED", "FAILED", "Nobody took up this run in time."
    )  # fmt: skip
    assert found["message"]["type"] == "ERROR"
    assert (await waiting.after(bare))["status"] == "FAILED"


async def test_runs_of_the_server_are_left_to_its_workers(waiting: Waiting) -> None:
    await waiting.scene.reply()
    (row,) = await waiting.scene.server.sql("SELECT id FROM agent_run")
    assert (await waiting.after(row["id"], days=1))["status"] == "PENDING"


async def test_canceling_a_run_of_the_server_stops_its_message(server: Server) -> None:
    """design: cancelling an INNGEST run is stopMessage."""
    ada = server.user()
    sent = await ada.do(
        "createProjectWithMessage",
        "{ reply { id } agentRun { id } }",
        content="Go on",
        model="mock:endless",
    )
    written = "SELECT text FROM message_chunk WHERE message_id = $1"
    await eventually(lambda: server.sql(written, sent["reply"]["id"]))
    run = await ada.run(READ, id=sent["agentRun"]["id"])
    assert run["node"]["status"] == "RUNNING"
    assert run["node"]["claimedBy"] == server.services.worker.name
    await ada.do("cancelAgentRun", "{ __typename }", id=sent["agentRun"]["id"])
    run = (await ada.run(READ, id=sent["agentRun"]["id"]))["node"]
    assert (run["status"], run["outcome"]) == ("FAILED", "CANCELED")
    assert run["message"].pop("content"), "the text so far is kept"
    assert run["message"] == {"status": "COMPLETE", "outcome": "CANCELED", "type": "RESULT"}
    assert await server.sql("SELECT id FROM generation WHERE state <> 'DONE'") == []
    assert await server.sql(written, sent["reply"]["id"]) == []
