"""Agent runs: asked for, claimed by one, gone on with by that one, and ended once."""

from __future__ import annotations

from typing import Any

import pytest

from tests.harness.api import StartServer
from tests.harness.clock import START, FakeClock
from tests.harness.mutations import FILES, Scene
from tests.harness.refusals import refusal, unchanged
from tests.harness.verbs import id_of, log_end, log_since

READ = """query($id: ID!) { node(id: $id) { ... on AgentRun { status outcome claimedBy error
  message { id status outcome type content } fragment { id files } } } }"""
PENDING = "query($id: ID!) { pendingAgentRuns(projectId: $id) { nodes { id } } }"
DONE = {"summary": "It is built.", "files": FILES}


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def scene(start_server: StartServer, clock: FakeClock) -> Scene:
    """A user on a server on which nothing happens by itself."""
    server = await start_server(worker=False, clock=clock)
    return Scene(server, server.user())


async def read(scene: Scene, run: str) -> dict[str, Any]:
    return (await scene.caller.run(READ, id=run))["node"]


async def test_a_run_waits_to_be_claimed(scene: Scene, clock: FakeClock) -> None:
    """enqueue: PENDING, runSource WEBCONTAINER; listPendingForProject: oldest first."""
    project = await scene.project()
    given = {"projectId": project, "value": "Do it", "model": "mock:slow"}
    fields = "{ agentRun { id status runSource value model framework claimedBy message { id } } }"
    made = (await scene.caller.do("enqueueAgentRun", fields, **given))["agentRun"]
    assert made == {
        "id": made["id"], "status": "PENDING", "runSource": "WEBCONTAINER", "value": "Do it",
        "model": "mock:slow", "framework": "VUE", "claimedBy": None, "message": None,
    }  # fmt: skip
    clock.advance(seconds=1)
    other = await scene.caller.do("enqueueAgentRun", fields, **given, framework="REACT")
    other_run = other["agentRun"]["id"]
    waiting = (await scene.caller.run(PENDING, id=project))["pendingAgentRuns"]["nodes"]
    assert waiting == [{"id": made["id"]}, {"id": other_run}]
    await scene.caller.do("claimAgentRun", "{ __typename }", id=made["id"])
    waiting = (await scene.caller.run(PENDING, id=project))["pendingAgentRuns"]["nodes"]
    assert waiting == [{"id": other_run}]
    eve = scene.server.user("eve")
    assert (await eve.run(PENDING, id=project))["pendingAgentRuns"]["nodes"] == []
    async with unchanged(scene.server):
        for bad in ({"value": ""}, {"model": "no:model"}, {"framework": "Vue"}):
            assert (await refusal(scene.caller, "enqueueAgentRun", **given | bad))[0] == "INVALID"
        assert (await refusal(eve, "enqueueAgentRun", **given))[0] == "NOT_FOUND"


async def test_completing_fills_the_message_that_waits(scene: Scene) -> None:
    """completeRun: in one transaction ASSISTANT message + fragment, COMPLETED, completedAt."""
    run = await scene.claimed()
    before = await read(scene, run)
    assert (before["message"]["status"], before["fragment"]) == ("STREAMING", None)
    end = await log_end(scene.server)
    made = await scene.caller.do(
        "completeAgentRun",
        "{ agentRun { status outcome } message { id role status outcome content } "
        "fragment { title framework sandboxUrl files metadata message { id } } }",
        id=run,
        summary="# It is built\nAll of it.",
        files=FILES,
        metadata={"took": 3},
    )
    message = before["message"]["id"]
    assert made["agentRun"] == {"status": "COMPLETED", "outcome": "SUCCEEDED"}
    assert made["message"] == {
        "id": message, "role": "ASSISTANT", "status": "COMPLETE", "outcome": "SUCCEEDED",
        "content": "# It is built\nAll of it.",
    }  # fmt: skip
    assert made["fragment"] == {
        "title": "# It is built", "framework": "NEXTJS", "sandboxUrl": "about:blank",
        "files": FILES, "message": {"id": message},
        "metadata": {"source": "WEBCONTAINER", "model": "mock:raypx-1", "took": 3},
    }  # fmt: skip
    (log,) = await log_since(scene.server, end)
    ops = {(change["id"][:3], change["op"]) for change in log["changes"]}
    assert ops == {("run", "change"), ("msg", "change"), ("frg", "add")}, "one transaction"


async def test_completing_a_bare_run_makes_its_message(scene: Scene) -> None:
    run = await scene.run()
    await scene.caller.do("claimAgentRun", "{ __typename }", id=run)
    await scene.caller.do("completeAgentRun", "{ __typename }", id=run, **DONE)
    found = await read(scene, run)
    assert found["message"]["content"] == "It is built."
    assert found["message"]["status"] == "COMPLETE"
    assert found["fragment"]["files"] == FILES
    (row,) = await scene.server.sql("SELECT role, order_id, on_branch FROM message")
    assert row == {"role": "ASSISTANT", "order_id": 1, "on_branch": True}


async def test_hole_15_only_the_claimer_goes_on_with_a_run(scene: Scene) -> None:
    """Hole 15: failRun works in any state; completeRun does not check claimedBy."""
    run = await scene.sent_run()
    calls: list[tuple[str, dict[str, object]]] = [
        ("heartbeatAgentRun", {}), ("completeAgentRun", DONE), ("failAgentRun", {"error": "No."}),
    ]  # fmt: skip
    eve = scene.server.user("eve")
    await id_of(eve)
    async with unchanged(scene.server):
        for mutation, given in calls:
            assert (await refusal(scene.caller, mutation, id=run, **given))[0] == "CONFLICT"
    await scene.caller.do("claimAgentRun", "{ __typename }", id=run, worker="mine")
    async with unchanged(scene.server):
        for mutation, given in calls:
            for worker in ({}, {"worker": "other"}, {"worker": "mine/x"}):
                code, _ = await refusal(scene.caller, mutation, id=run, **given, **worker)
                assert code == "CONFLICT"
            code, _ = await refusal(eve, mutation, id=run, **given, worker="mine")
            assert code == "NOT_FOUND"
    await scene.caller.do("completeAgentRun", "{ __typename }", id=run, worker="mine", **DONE)
    async with unchanged(scene.server):
        for mutation, given in [*calls, ("cancelAgentRun", {})]:
            worker = {} if mutation == "cancelAgentRun" else {"worker": "mine"}
            code, _ = await refusal(scene.caller, mutation, id=run, **given, **worker)
            assert code == "CONFLICT", "an ended run stays as it ended"


async def test_a_result_that_does_not_fit_leaves_the_run_open(scene: Scene) -> None:
    run = await scene.claimed()
    bad: list[dict[str, object]] = [
        {"summary": " "}, {"files": ["a"]}, {"files": {"../a": ""}}, {"title": ""},
        {"metadata": [1]}, {"metadata": "x"}, {"messageType": "Result"},
        {"sandboxUrl": "x" * 2_001},
    ]  # fmt: skip
    async with unchanged(scene.server):
        for given in bad:
            code, _ = await refusal(scene.caller, "completeAgentRun", id=run, **DONE | given)
            assert code == "INVALID", given
    given = DONE | {"metadata": None, "title": None, "framework": None, "sandboxUrl": None}
    made = await scene.caller.do("completeAgentRun", "{ fragment { metadata } }", id=run, **given)
    assert made["fragment"]["metadata"] == {"source": "WEBCONTAINER", "model": "mock:raypx-1"}


async def test_a_failed_run_says_so_in_its_message(scene: Scene) -> None:
    """failRun: FAILED with error, completedAt; a failed message: type ERROR, status COMPLETE."""
    run = await scene.claimed()
    await scene.caller.do("failAgentRun", "{ __typename }", id=run, error="No space left.")
    found = await read(scene, run)
    assert (found["status"], found["outcome"], found["error"]) == (
        "FAILED", "FAILED", "No space left."
    )  # fmt: skip
    message = found["message"]
    assert (message["type"], message["status"], message["outcome"], message["content"]) == (
        "ERROR", "COMPLETE", "FAILED", "No space left."
    )  # fmt: skip
    bare = await scene.run()
    await scene.caller.do("claimAgentRun", "{ __typename }", id=bare)
    async with unchanged(scene.server):
        for error in ("", "x" * 2_001):
            found = await refusal(scene.caller, "failAgentRun", id=bare, error=error)
            assert found == ("INVALID", "error")


@pytest.mark.parametrize("prepare", [Scene.run, Scene.sent_run, Scene.claimed])
async def test_a_canceled_run_is_failed_with_its_outcome(scene: Scene, prepare: Any) -> None:
    """design: a cancelled one is FAILED with outcome CANCELED."""
    run = await prepare(scene)
    await scene.caller.do("cancelAgentRun", "{ __typename }", id=run)
    found = await read(scene, run)
    assert (found["status"], found["outcome"], found["error"]) == ("FAILED", "CANCELED", None)
    if found["message"]:
        assert (found["message"]["status"], found["message"]["outcome"]) == (
            "COMPLETE", "CANCELED"
        )  # fmt: skip
    eve = scene.server.user("eve")
    await id_of(eve)
    async with unchanged(scene.server):
        assert (await refusal(scene.caller, "claimAgentRun", id=run))[0] == "CONFLICT"
        assert (await refusal(eve, "cancelAgentRun", id=run))[0] == "NOT_FOUND"


async def test_a_heartbeat_prolongs_the_claim(scene: Scene, clock: FakeClock) -> None:
    run = await scene.claimed()
    clock.advance(minutes=4)
    made = await scene.caller.do("heartbeatAgentRun", "{ agentRun { leaseUntil } }", id=run)
    assert made["agentRun"]["leaseUntil"] == "2031-05-17T08:39:00.250Z"
    assert START.minute + 4 + 5 == 39
