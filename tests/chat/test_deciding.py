"""Decisions on calls that wait: on two servers, by an organisation's members, and too late."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.harness.answers import ask, ended, generation
from tests.harness.api import Api, Refused, Server, StartServer
from tests.harness.approving import WAITING, approve, deleting, deny, waiting
from tests.harness.orgs import found, join
from tests.harness.tools import TOOLS, lines
from tests.harness.verbs import id_of

RACES = 12
CHANGED = """subscription($of: MessageTarget!) {
  messageChanged(of: $of) { node { id toolCalls { state } } } }"""
START = "{ conversation { id } message { id } reply { id } }"


@pytest.fixture
async def servers(start_server: StartServer) -> list[Server]:
    """Two servers, each with a worker, whose models have tools."""
    return [await start_server(tools=TOOLS, user_slots=RACES) for _ in range(2)]


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    """Where the tool writes the keys of its calls."""
    return tmp_path / "notes"


async def start(user: Api, notes: Path, **more: Any) -> Any:
    """A conversation whose answer waits, and its call."""
    asked = {"content": deleting(notes), "model": "mock:tools"} | more
    begun = await user.do("startConversation", START, **asked)
    call, *_ = (await waiting(user, begun["reply"]["id"]))["toolCalls"]
    return begun | {"call": call["id"]}


async def code(doing: Any) -> str:
    """The code of a refusal."""
    with pytest.raises(Refused) as refused:
        await doing
    return refused.value.code


async def test_of_decisions_on_two_servers_the_first_holds(
    servers: list[Server], notes: Path
) -> None:
    callers = [server.user() for server in servers]
    id = await ask(callers[0], deleting(notes, RACES), model="mock:tools")
    calls = [call["id"] for call in (await waiting(callers[0], id))["toolCalls"]]
    decisions = [
        decide(caller, call) for call in calls for caller in callers for decide in (approve, deny)
    ]
    made = await asyncio.gather(*decisions, return_exceptions=True)
    of_each = [made[first : first + 4] for first in range(0, len(made), 4)]
    states = []
    for outcomes in of_each:
        (decided,) = [one["state"] for one in outcomes if isinstance(one, dict)]
        states.append(decided)
        assert [one.code for one in outcomes if isinstance(one, Refused)] == ["CONFLICT"] * 3
    end = await ended(callers[1], id)
    assert end["outcome"] == "SUCCEEDED"
    approved = [call for call, state in zip(calls, states, strict=True) if state == "READY"]
    assert sorted(lines(notes)) == sorted(approved), "each is made once"
    kinds = [part["kind"] for part in end["parts"]]
    assert kinds == ["tool_call"] * RACES + ["tool_result"] * RACES + ["text"]
    row = await generation(servers[0], id)
    assert (row["epoch"], row["state"]) == (2, "DONE"), "it went on once"


async def test_each_decision_is_announced(servers: list[Server], notes: Path) -> None:
    ada, there = (server.user() for server in servers)
    begun = await start(ada, notes, content=deleting(notes, 2))
    async with there.listen(CHANGED, of={"conversationId": begun["conversation"]["id"]}) as events:
        await events.next()
        await approve(ada, begun["call"])
        told = await events.next()
    states = [call["state"] for call in told["node"]["toolCalls"]]
    assert states == ["READY", "AWAITING_APPROVAL"]


async def test_stopping_and_approving_at_once_leaves_one_of_both(
    servers: list[Server], notes: Path
) -> None:
    callers = [server.user() for server in servers]
    begun = await asyncio.gather(*(start(callers[0], notes) for _ in range(RACES)))

    async def stop(caller: Api, id: str) -> None:
        await caller.do("stopMessage", "{ __typename }", id=id)

    async def race(number: int, one: Any) -> list[Any]:
        first, second = callers[number % 2], callers[(number + 1) % 2]
        both = approve(first, one["call"]), stop(second, one["reply"]["id"])
        return await asyncio.gather(*both, return_exceptions=True)

    outcomes = await asyncio.gather(*(race(*one) for one in enumerate(begun)))
    for one, (approved, stopped) in zip(begun, outcomes, strict=True):
        for outcome in (approved, stopped):
            assert not isinstance(outcome, Refused) or outcome.code == "CONFLICT"
        end = await ended(callers[0], one["reply"]["id"])
        (call,) = (await callers[0].run(WAITING, id=one["reply"]["id"]))["message"]["toolCalls"]
        if stopped is None:
            assert (end["outcome"], call["state"]) in (
                ("CANCELED", "CANCELED"), ("CANCELED", "SUCCEEDED")
            )  # fmt: skip
        else:
            assert (end["outcome"], call["state"]) == ("SUCCEEDED", "SUCCEEDED")
        if isinstance(approved, Refused):
            assert one["call"] not in lines(notes)
        assert lines(notes).count(one["call"]) <= 1
    left = "SELECT 1 FROM generation WHERE state <> 'DONE'"
    assert await servers[0].sql(left) == []


async def test_who_may_write_in_an_organisation_denies_and_only_the_asker_approves(
    servers: list[Server], notes: Path
) -> None:
    ada = servers[0].user()
    org = await found(ada)
    begun = await start(ada, notes, orgId=org)
    for role in ("VIEWER", "BILLING"):
        member = servers[1].user(role)
        await join(servers[0], ada, org, servers[0].user(role), role)
        for decide in (approve, deny):
            assert await code(decide(member, begun["call"])) in ("FORBIDDEN", "NOT_FOUND")
    assert (await generation(servers[0], begun["reply"]["id"]))["state"] == "AWAITING_APPROVAL"
    editor = servers[1].user("editor")
    await join(servers[0], ada, org, servers[0].user("editor"), "EDITOR")
    with pytest.raises(Refused, match="Only who asked for the answer may approve") as refused:
        await approve(editor, begun["call"])
    assert refused.value.code == "FORBIDDEN"
    told = await deny(editor, begun["call"])
    assert told["decidedById"] == await id_of(editor)
    for decide in (approve, deny):
        assert await code(decide(ada, begun["call"])) == "CONFLICT"
    assert (await ended(ada, begun["reply"]["id"]))["outcome"] == "SUCCEEDED"
    other = await start(ada, notes, orgId=org)
    assert (await approve(ada, other["call"]))["decidedById"] == await id_of(ada)
    await ended(ada, other["reply"]["id"])
    assert lines(notes) == [other["call"]]


@pytest.mark.parametrize("act", ["remove", "leave", "demote", "erase"])
async def test_losing_the_right_to_write_stops_the_answers_of_the_member_there(
    servers: list[Server], notes: Path, act: str
) -> None:
    ada, editor = servers[0].user(), servers[0].user("editor")
    org = await found(ada)
    member = await join(servers[0], ada, org, editor, "EDITOR")
    begun = await start(editor, notes, orgId=org)
    own, adas = await start(editor, notes), await start(ada, notes, orgId=org)
    if act == "remove":
        await ada.do("removeOrgMember", "{ __typename }", id=member)
    elif act == "leave":
        await editor.do("leaveOrg", "{ __typename }", orgId=org)
    elif act == "demote":
        await ada.do("updateOrgMember", "{ __typename }", id=member, role="VIEWER")
    else:
        await editor.do("deleteMe", "{ __typename }")
    end = await ended(ada, begun["reply"]["id"])
    assert (end["outcome"], lines(notes)) == ("CANCELED", [])
    for decide in (approve, deny):
        assert await code(decide(ada, begun["call"])) in ("CONFLICT", "FORBIDDEN")
    states = "SELECT state FROM tool_call WHERE id = $1"
    assert await servers[0].sql(states, begun["call"]) == [{"state": "CANCELED"}]
    assert (await approve(ada, adas["call"]))["state"] == "READY"
    if act != "erase":
        assert (await approve(editor, own["call"]))["state"] == "READY"


async def test_another_role_that_writes_stops_nothing(servers: list[Server], notes: Path) -> None:
    ada, editor = servers[0].user(), servers[0].user("editor")
    org = await found(ada)
    member = await join(servers[0], ada, org, editor, "ADMIN")
    begun = await start(editor, notes, orgId=org)
    await ada.do("updateOrgMember", "{ __typename }", id=member, role="EDITOR")
    await approve(editor, begun["call"])
    assert (await ended(editor, begun["reply"]["id"]))["outcome"] == "SUCCEEDED"


async def test_no_call_is_made_for_an_asker_who_may_not_write_there_any_more(
    servers: list[Server], notes: Path
) -> None:
    """The answer moved away from them between the decision and the call."""
    ada, editor = servers[0].user(), servers[0].user("editor")
    org = await found(ada)
    await join(servers[0], ada, org, editor, "EDITOR")
    begun = await start(editor, notes, orgId=org)
    await ada.do("moveConversation", "{ __typename }", id=begun["conversation"]["id"])
    assert await code(approve(editor, begun["call"])) == "NOT_FOUND"
    assert await code(approve(ada, begun["call"])) == "FORBIDDEN"
    ready = "UPDATE tool_call SET state = 'READY' WHERE id = $1"
    await servers[0].sql(ready, begun["call"])
    await servers[0].sql(
        "UPDATE generation SET state = 'QUEUED' WHERE message_id = $1", begun["reply"]["id"]
    )
    end = await ended(ada, begun["reply"]["id"])
    assert (end["outcome"], lines(notes)) == ("FAILED", [])


@pytest.mark.parametrize(
    ("mutation", "late"),
    [
        ("sendMessage", "CONFLICT"),
        ("editMessage", "CONFLICT"),
        ("regenerateMessage", "CONFLICT"),
        ("deleteMessage", "NOT_FOUND"),
        ("clearConversation", "NOT_FOUND"),
    ],
)
async def test_what_ends_the_answer_cancels_the_call(
    servers: list[Server], notes: Path, mutation: str, late: str
) -> None:
    ada, there = (server.user() for server in servers)
    begun = await start(ada, notes)
    of, plain = begun["conversation"]["id"], {"content": "x", "supersede": True}
    given: dict[str, Any] = {
        "sendMessage": {"to": {"conversationId": of}, **plain},
        "editMessage": {"id": begun["message"]["id"], **plain},
        "regenerateMessage": {"id": begun["reply"]["id"], "supersede": True},
        "deleteMessage": {"id": begun["reply"]["id"]},
        "clearConversation": {"id": of},
    }[mutation]
    await there.do(mutation, "{ __typename }", **given)
    assert await code(approve(ada, begun["call"])) == late
    states = "SELECT state FROM tool_call WHERE id = $1"
    assert await servers[0].sql(states, begun["call"]) == [{"state": "CANCELED"}]
    row = await generation(servers[0], begun["reply"]["id"])
    assert (row["state"], row["outcome"], row["epoch"]) == ("DONE", "CANCELED", 1)
    assert begun["call"] not in lines(notes)
