"""Calls that a person approves or denies: the answer waits for as long as that takes."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from models.chat.tool_steps import expire_tool_calls
from tests.harness.answers import ask, ended, generation
from tests.harness.api import Refused, Server, StartServer
from tests.harness.approving import WAITING, approve, deleting, deny, waiting
from tests.harness.clock import FakeClock
from tests.harness.commands import command
from tests.harness.eventually import eventually
from tests.harness.streaming import Text
from tests.harness.tools import TOOLS, lines
from tests.harness.verbs import actor_of, id_of

CHANGED = """subscription($of: MessageTarget!) {
  messageChanged(of: $of) { node { id status outcome toolCalls { state } } } }"""


@pytest.fixture
async def server(start_server: StartServer) -> Server:
    """A server whose models have tools."""
    return await start_server(tools=TOOLS)


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    """Where the tool writes the keys of its calls."""
    return tmp_path / "notes"


async def test_an_answer_waits_and_holds_no_worker(server: Server, notes: Path) -> None:
    ada = server.user()
    id = await ask(ada, deleting(notes), model="mock:tools")
    found = await waiting(ada, id)
    assert (found["status"], found["contentParts"]) == (
        "PENDING",
        [{"__typename": "ToolCallPart"}],
    )
    (call,) = found["toolCalls"]
    assert (call["state"], call["arguments"]) == ("AWAITING_APPROVAL", {"to": str(notes)})
    row = await generation(server, id)
    assert (row["state"], row["worker"]) == ("AWAITING_APPROVAL", None)
    assert not lines(notes)
    text = Text(id)
    following = asyncio.create_task(text.follow(ada))
    told = await approve(ada, call["id"])
    assert told == {"state": "READY", "decidedById": await id_of(ada)}
    end = await ended(ada, id)
    await following
    assert (end["outcome"], end["content"]) == ("SUCCEEDED", '"noted"')
    assert text.same_as(end)
    assert lines(notes) == [call["id"]]


async def test_a_denied_call_is_not_made_and_the_model_is_told(server: Server, notes: Path) -> None:
    ada = server.user()
    id = await ask(ada, deleting(notes), model="mock:tools")
    (call,) = (await waiting(ada, id))["toolCalls"]
    await deny(ada, call["id"])
    end = await ended(ada, id)
    assert (end["outcome"], end["content"]) == (
        "SUCCEEDED",
        '{"error":"The user denied this call."}',
    )
    assert not lines(notes)
    (call,) = (await ada.run(WAITING, id=id))["message"]["toolCalls"]
    assert call["state"] == "DENIED"
    assert call["endedAt"] is not None


async def test_of_parallel_decisions_the_first_holds(server: Server, notes: Path) -> None:
    ada = server.user()
    id = await ask(ada, deleting(notes), model="mock:tools")
    (call,) = (await waiting(ada, id))["toolCalls"]
    decisions = [approve(ada, call["id"]) for _ in range(5)] + [
        deny(ada, call["id"]) for _ in range(5)
    ]
    made = await asyncio.gather(*decisions, return_exceptions=True)
    (decided,) = [one for one in made if isinstance(one, dict)]
    refused = [one.code for one in made if isinstance(one, Refused)]
    assert refused == ["CONFLICT"] * 9
    assert (await ended(ada, id))["outcome"] == "SUCCEEDED"
    approved = decided["state"] == "READY"
    assert len(lines(notes)) == approved
    row = await generation(server, id)
    assert (row["epoch"], row["state"]) == (2, "DONE"), "it went on once"


async def test_it_goes_on_once_all_are_decided(server: Server, notes: Path) -> None:
    ada = server.user()
    id = await ask(ada, deleting(notes, 2) + "[[call:add]]", model="mock:tools")
    first, second, third = (await waiting(ada, id))["toolCalls"]
    assert third["state"] == "READY"
    await approve(ada, first["id"])
    assert (await generation(server, id))["state"] == "AWAITING_APPROVAL"
    await deny(ada, second["id"])
    assert (await ended(ada, id))["outcome"] == "SUCCEEDED"
    states = [call["state"] for call in (await ada.run(WAITING, id=id))["message"]["toolCalls"]]
    assert states == ["SUCCEEDED", "DENIED", "FAILED"]
    assert lines(notes) == [first["id"]]


@pytest.mark.parametrize("arguments", ["{}", '{"to": 5}', "[]"])
async def test_nobody_is_asked_about_a_call_that_can_only_fail(
    server: Server, arguments: str
) -> None:
    ada = server.user()
    id = await ask(ada, f"[[call:delete {arguments}]]", model="mock:tools")
    end = await ended(ada, id)
    assert end["content"].startswith('{"error":"The arguments ')
    (call,) = (await ada.run(WAITING, id=id))["message"]["toolCalls"]
    assert (call["state"], call["expiresAt"]) == ("FAILED", None)


async def test_only_who_may_write_there_decides(server: Server, notes: Path) -> None:
    ada, eve = server.user("ada"), server.user("eve")
    id = await ask(ada, deleting(notes), model="mock:tools")
    (call,) = (await waiting(ada, id))["toolCalls"]
    for decide in (approve, deny):
        with pytest.raises(Refused) as refused:
            await decide(eve, call["id"])
        assert refused.value.code == "NOT_FOUND"
        with pytest.raises(Refused) as refused:
            await decide(server.nobody(), call["id"])
        assert refused.value.code == "UNAUTHENTICATED"
    assert (await generation(server, id))["state"] == "AWAITING_APPROVAL"


async def test_stopping_cancels_the_call(server: Server, notes: Path) -> None:
    ada = server.user()
    id = await ask(ada, deleting(notes), model="mock:tools")
    (call,) = (await waiting(ada, id))["toolCalls"]
    made = await ada.do("stopMessage", "{ message { outcome toolCalls { state } } }", id=id)
    assert made["message"] == {"outcome": "CANCELED", "toolCalls": [{"state": "CANCELED"}]}
    with pytest.raises(Refused) as refused:
        await approve(ada, call["id"])
    assert refused.value.code == "CONFLICT"
    assert (await generation(server, id))["state"] == "DONE"
    assert [part["kind"] for part in (await ended(ada, id))["parts"]] == ["tool_call"]


async def test_deleting_the_conversation_ends_the_call_and_removes_it(
    server: Server, notes: Path
) -> None:
    ada = server.user()
    sent = await ada.do(
        "startConversation",
        "{ conversation { id } reply { id } }",
        content=deleting(notes),
        model="mock:tools",
    )
    (call,) = (await waiting(ada, sent["reply"]["id"]))["toolCalls"]
    await ada.do("deleteConversation", "{ deletedConversationId }", id=sent["conversation"]["id"])
    assert await server.sql("SELECT state FROM tool_call") == [{"state": "CANCELED"}]
    with pytest.raises(Refused) as refused:
        await approve(ada, call["id"])
    assert refused.value.code == "NOT_FOUND"
    await server.sql("UPDATE deletion_job SET due_at = now() - interval '1 s'")
    await eventually(lambda: _is_empty(server), 20)


async def _is_empty(server: Server) -> bool:
    return not await server.sql("SELECT 1 FROM tool_call UNION ALL SELECT 1 FROM message")


async def test_what_nobody_decides_in_a_day_is_denied(
    start_server: StartServer, notes: Path
) -> None:
    clock = FakeClock()
    server = await start_server(tools=TOOLS, clock=clock)
    ada = server.user()
    id = await ask(ada, deleting(notes), model="mock:tools")
    (call,) = (await waiting(ada, id))["toolCalls"]
    clock.advance(hours=24, seconds=-1)
    assert await expire_tool_calls(actor_of(server, None)) == 0
    clock.advance(seconds=1)
    end = await ended(ada, id)
    assert end["content"] == '{"error":"The user denied this call."}'
    (call,) = (await ada.run(WAITING, id=id))["message"]["toolCalls"]
    assert (call["state"], call["decidedById"]) == ("DENIED", None)
    assert not lines(notes)


async def test_each_step_is_announced(server: Server, notes: Path) -> None:
    ada = server.user()
    sent = await ada.do(
        "startConversation",
        "{ conversation { id } reply { id } }",
        content=deleting(notes) + "[[first:300ms]]",
        model="mock:tools",
    )
    id, steps = sent["reply"]["id"], list[tuple[str, str | None]]()
    async with ada.listen(CHANGED, of={"conversationId": sent["conversation"]["id"]}) as events:
        while ("COMPLETE", "SUCCEEDED") not in steps:
            node = (await events.next())["node"]
            if node is None or node["id"] != id:
                continue
            step = node["status"], node["outcome"]
            if step == ("PENDING", "AWAITING_APPROVAL") and step not in steps:
                assert node["toolCalls"] == [{"state": "AWAITING_APPROVAL"}]
                (call,) = (await waiting(ada, id))["toolCalls"]
                await approve(ada, call["id"])
            if step not in steps[-1:]:
                steps.append(step)
    assert steps.count(("PENDING", "AWAITING_APPROVAL")) == 1
    assert steps[-1] == ("COMPLETE", "SUCCEEDED")


async def test_a_restart_in_the_pause_loses_nothing(
    start_server: StartServer, database: str, notes: Path
) -> None:
    front = await start_server(worker=False)
    ada = front.user()
    tools = json.dumps(TOOLS)
    async with command("worker", url=database, tools=tools) as first:
        id = await ask(ada, deleting(notes), model="mock:tools")
        (call,) = (await waiting(ada, id))["toolCalls"]
        await first.kill()
    await approve(ada, call["id"])
    async with command("worker", url=database, tools=tools):
        end = await ended(ada, id, 20)
    assert (end["outcome"], end["content"]) == ("SUCCEEDED", '"noted"')
    assert lines(notes) == [call["id"]]


async def test_a_call_that_its_worker_died_in_is_made_again_with_its_key(
    start_server: StartServer, database: str, notes: Path, tmp_path: Path
) -> None:
    front, hold = await start_server(worker=False), tmp_path / "hold"
    hold.touch()
    ada, arguments = front.user(), json.dumps({"to": str(notes), "hold": str(hold)})
    tools = json.dumps(TOOLS)

    async def noted() -> bool:
        return lines(notes) != []

    async with command("worker", url=database, tools=tools, lease=2) as first:
        id = await ask(ada, f"[[call:note {arguments}]]", model="mock:tools")
        await eventually(noted, 20)
        await first.kill()
    hold.unlink()
    async with command("worker", url=database, tools=tools, lease=2):
        end = await ended(ada, id, 30)
    assert (end["outcome"], end["content"]) == ("SUCCEEDED", '"noted"')
    assert [part["kind"] for part in end["parts"]] == ["tool_call", "tool_result", "text"]
    (call,) = (await ada.run(WAITING, id=id))["message"]["toolCalls"]
    assert lines(notes) == [call["id"]] * 2
