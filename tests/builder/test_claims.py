"""Claiming runs: of several who try one wins, and it starts from the newest files."""

from __future__ import annotations

import asyncio

import pytest

from tests.harness.api import Refused, StartServer
from tests.harness.mutations import Scene
from tests.harness.refusals import refusal, unchanged
from tests.harness.verbs import id_of, log_end, log_since


@pytest.fixture
async def scene(start_server: StartServer) -> Scene:
    """A user on a server on which nothing happens by itself."""
    server = await start_server(worker=False)
    return Scene(server, server.user())


async def test_of_ten_who_claim_one_wins(start_server: StartServer) -> None:
    """claimRun: only PENDING → RUNNING, claimedBy = caller; ten at once: one wins."""
    servers = [await start_server(worker=False) for _ in range(2)]
    run = await Scene(servers[0], servers[0].user()).sent_run()
    callers = [server.user() for server in servers]
    end = await log_end(servers[0])
    found = await asyncio.gather(
        *(
            callers[n % 2].do("claimAgentRun", "{ agentRun { claimedBy } }", id=run, worker=f"{n}")
            for n in range(10)
        ),
        return_exceptions=True,
    )
    won = [number for number, one in enumerate(found) if isinstance(one, dict)]
    lost = [one for one in found if isinstance(one, Refused)]
    assert len(won) == 1
    assert [one.code for one in lost] == ["CONFLICT"] * 9
    (row,) = await servers[0].sql("SELECT claimed_by, status, claims FROM agent_run")
    user = await id_of(callers[0])
    assert row == {"claimed_by": f"{user}/{won[0]}", "status": "RUNNING", "claims": 1}
    assert len(await log_since(servers[0], end)) == 1


async def test_only_waiting_runs_of_browsers_are_claimed(scene: Scene) -> None:
    """claimAgentRun only WEBCONTAINER; the server's worker claims only Generations."""
    await scene.reply()
    (row,) = await scene.server.sql("SELECT id FROM agent_run WHERE run_source = 'INNGEST'")
    ended = await scene.claimed()
    await scene.caller.do("failAgentRun", "{ __typename }", id=ended, error="No.")
    waiting = await scene.run()
    eve = scene.server.user("eve")
    await id_of(eve)
    async with unchanged(scene.server):
        for run in (row["id"], ended):
            assert (await refusal(scene.caller, "claimAgentRun", id=run))[0] == "CONFLICT"
        assert await refusal(eve, "claimAgentRun", id=waiting) == ("NOT_FOUND", "id")
        for worker in ("", " ", "w" * 101):
            found = await refusal(scene.caller, "claimAgentRun", id=waiting, worker=worker)
            assert found == ("INVALID", "worker")


async def test_a_run_starts_from_the_newest_fragment_of_25_messages(scene: Scene) -> None:
    """claimRun returns base files = files of the newest fragment within the last 25 messages."""
    project = await scene.project()
    to = {"projectId": project}

    async def say(content: str) -> str:
        made = await scene.caller.do("createMessage", "{ message { id } }", to=to, content=content)
        return made["message"]["id"]

    async def base_files() -> dict[str, str]:
        given = {"projectId": project, "value": "Do"}
        made = await scene.caller.do("enqueueAgentRun", "{ agentRun { id } }", **given)
        claimed = await scene.caller.do("claimAgentRun", "{ baseFiles }", id=made["agentRun"]["id"])
        return claimed["baseFiles"]

    assert await base_files() == {}
    body = {"sandboxUrl": "https://x.example", "title": "One", "framework": "VUE"}
    for name in ("older", "newer"):
        files = {f"{name}.ts": "x"}
        message = await say(name)
        await scene.caller.do(
            "upsertFragment", "{ __typename }", messageId=message, files=files, **body
        )
    for number in range(24):
        await say(f"{number}")
    assert await base_files() == {"newer.ts": "x"}, "it is the 25th from the end"
    await say("one more")
    assert await base_files() == {}, "it is the 26th"
