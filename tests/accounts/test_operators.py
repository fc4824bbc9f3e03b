"""Operators: made by the command alone, and readers of what belongs to nobody, nothing more."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from models.accounts.operators import grant_operator, revoke_operator
from models.accounts.webhook_events import WebhookEvent
from models.errors import Conflict, NotFound
from tests.harness.api import SECRET, Api, Refused, Server, StartServer
from tests.harness.documents import schema
from tests.harness.ownership import dump, make_world
from tests.harness.planting import make_operator, plant
from tests.harness.verbs import actor_of, all_rows, differences, id_of, log_end, log_since

ROOT = Path(__file__).parents[2]
EVENTS = "{ webhookEvents { nodes { eventId } } }"
LISTEN = "subscription($id: ID!) { agentRunChanged(projectId: $id) { cursor } }"
PAGE = """query($first: Int, $after: String, $last: Int, $before: String) {
  it: webhookEvents(first: $first, after: $after, last: $last, before: $before) {
    nodes { eventId } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }"""


@pytest.fixture
async def still(start_server: StartServer) -> Server:
    """A server on which nothing happens by itself."""
    return await start_server(worker=False)


async def punnet(url: str, *words: str) -> tuple[int | None, str, str]:
    """Run the command; its exit code and what it says on both streams."""
    told = {"PUNNET_DATABASE_URL": url, "PUNNET_SECRET": SECRET, "PUNNET_LOG_LEVEL": "error"}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "app", *words,
        cwd=ROOT, env=os.environ | told,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, err = await process.communicate()
    return process.returncode, out.decode(), err.decode()


async def add_event(server: Server, name: str) -> str:
    """An event that some service sent."""
    return await plant(server, WebhookEvent, event_id=name, event_type="order.paid", payload={})


async def test_the_command_takes_effect_with_the_next_request_everywhere(
    start_server: StartServer, database: str
) -> None:
    here, there = await start_server(worker=False), await start_server(worker=False)
    await add_event(here, "e1")
    users = [server.user("olga") for server in (here, there)]
    id = await id_of(users[0])
    empty, full = {"nodes": []}, {"nodes": [{"eventId": "e1"}]}

    async def seen() -> list[Any]:
        return [(await user.run(EVENTS))["webhookEvents"] for user in users]

    assert await seen() == [empty, empty]
    said = f"{id} is an operator now.\n"
    assert await punnet(database, "grant-operator", "olga") == (0, said, "")
    assert await seen() == [full, full]
    assert await punnet(database, "grant-operator", id) == (0, said, ""), "again, by the id"
    said = f"{id} is no operator any more.\n"
    assert await punnet(database, "revoke-operator", id) == (0, said, "")
    assert await seen() == [empty, empty]


async def test_the_command_refuses_who_is_not_there(still: Server, database: str) -> None:
    said = "There is no such user; it appears with its first request.\n"
    assert await punnet(database, "grant-operator", "nobody") == (1, "", said)
    assert await punnet(database, "revoke-operator", "usr_" + "0" * 26) == (1, "", said)
    assert await still.sql("SELECT id FROM user_account") == []


async def test_a_grant_is_noted_and_changes_nothing_else(still: Server) -> None:
    olga = await id_of(still.user("olga"))
    await id_of(still.user("eve"))
    for verb, granted in ((grant_operator, True), (revoke_operator, False)):
        before, end = await all_rows(still), await log_end(still)
        assert (await verb(actor_of(still, None), olga)).operator is granted
        written = differences(before, await all_rows(still))
        assert written.pop(olga) == ("change", {"operator", "updated_at"})
        (audited,) = written
        assert audited.startswith("aud_")
        (row,) = await log_since(still, end)
        assert (row["owner_id"], row["verb"]) == (olga, verb.__name__)
        assert (await still.user("olga").run("{ me { operator } }"))["me"]["operator"] is granted


async def test_neither_guests_nor_the_deleted_are_made_operators(still: Server) -> None:
    guest = await still.nobody().do("createGuest", "{ user { id } }")
    with pytest.raises(Conflict):
        await grant_operator(actor_of(still, None), guest["user"]["id"])
    gone = await id_of(still.user("gone"))
    await still.sql("UPDATE user_account SET deleted_at = now() WHERE id = $1", gone)
    for who in (gone, "gone"):
        with pytest.raises(NotFound):
            await grant_operator(actor_of(still, None), who)


async def test_a_subject_that_looks_like_an_id_is_taken_for_one(still: Server) -> None:
    """Else who chooses a subject like another user's id would be given what that user was."""
    olga = await id_of(still.user("olga"))
    mimic = still.user(olga)
    assert await id_of(mimic) != olga
    await grant_operator(actor_of(still, None), olga)
    assert (await mimic.run("{ me { operator } }"))["me"]["operator"] is False
    assert (await still.user("olga").run("{ me { operator } }"))["me"]["operator"] is True


async def test_what_belongs_to_nobody_is_noted_in_one_place(still: Server) -> None:
    ids = [await add_event(still, name) for name in ("e1", "e2")]
    log = await still.sql("SELECT owner_id, changes FROM event_log ORDER BY position")
    assert [row["owner_id"] for row in log] == ["system", "system"]
    assert [row["changes"][0]["id"] for row in log] == ids


def test_no_input_of_the_api_names_operators() -> None:
    named = [
        kind.name
        for kind in schema().type_map.values()
        for name in getattr(kind, "fields", {})
        if name == "operator"
    ]
    assert named == ["User"], "a type to read, whose rows only the user reaches"


async def test_an_operator_reads_pages_from_both_ends(still: Server) -> None:
    olga = still.user("olga")
    await make_operator(still, olga)
    names = [f"e{number}" for number in range(7)]
    for name in names:
        await add_event(still, name)
    for size, way, start, more in (
        ("first", "after", "endCursor", "hasNextPage"),
        ("last", "before", "startCursor", "hasPreviousPage"),
    ):
        found: list[str] = []
        cursor: str | None = None
        while True:
            page = (await olga.run(PAGE, **{size: 3, way: cursor}))["it"]
            nodes = [node["eventId"] for node in page["nodes"]]
            found = found + nodes if size == "first" else nodes + found
            if not page["pageInfo"][more]:
                break
            cursor = page["pageInfo"][start]
        assert found == names[::-1], size


async def test_who_was_an_operator_is_sent_away_from_what_is_listened_to(still: Server) -> None:
    olga, eve = still.user("olga"), still.user("eve")
    await make_operator(still, olga)
    worlds = {name: await make_world(still, user) for name, user in (("o", olga), ("e", eve))}
    async with (
        olga.listen(LISTEN, id=worlds["o"]["project"]) as events,
        eve.listen(LISTEN, id=worlds["e"]["project"]) as others,
    ):
        await asyncio.gather(events.next(), others.next())
        await revoke_operator(actor_of(still, None), "olga")
        with pytest.raises(Refused) as refused:
            await events.next(2)
        assert refused.value.code == "FORBIDDEN"
        await _asked_on(events.socket, EVENTS)
        answer = await events.message()
        assert answer["payload"] == {"data": {"webhookEvents": {"nodes": []}}}
        # A grant to somebody who listens takes nothing away.
        await make_operator(still, eve)
        await _enqueue(eve, worlds["e"]["project"])
        assert (await others.next(2))["cursor"]


async def _asked_on(socket: Any, query: str) -> None:
    """Ask for something on a socket that is open already."""
    await socket.send_json({"type": "subscribe", "id": "2", "payload": {"query": query}})


async def _enqueue(user: Api, project: str) -> None:
    await user.do("enqueueAgentRun", "{ agentRun { id } }", projectId=project, value="x")


async def test_only_reading_is_an_operators(still: Server) -> None:
    """Nothing that is written by mutations becomes theirs."""
    olga, ada = still.user("olga"), still.user("ada")
    world = await make_world(still, ada)
    await make_operator(still, olga)
    before = await dump(still)
    with pytest.raises(Refused) as refused:
        await olga.do("updateProject", "{ project { id } }", id=world["project"], name="Mine")
    assert refused.value.code == "NOT_FOUND"
    assert before == await dump(still)
