"""Moving projects and conversations: all below follows, and so do those who may read and listen."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from models.chat.conversations import Conversation
from models.packages import record_models
from models.permissions import Role
from tests.harness.api import Api, Events, Refused, Server, StartServer
from tests.harness.eventually import eventually
from tests.harness.orgs import found, join
from tests.harness.ownership import dump, make_world
from tests.harness.planting import plant
from tests.harness.planting_orgs import plant_member
from tests.harness.verbs import id_of, log_end, log_since

MOVED = "{ project { id orgId userId } }"
READ = "query($id: ID!) { project(id: $id) { id orgId } }"
LISTEN = """subscription($id: ID!, $after: String) {
  messageChanged(of: {projectId: $id}, after: $after) { node { content } cursor reset } }"""
STREAM = "subscription($id: ID!) { messageStreamed(messageId: $id) { text } }"
EVERYWHERE = """query($id: ID!) { project(id: $id) {
  conversation { id messages { nodes { id attachments { id } fragment { id } } } }
  draft { id } agentRuns { nodes { id } } fileHistory { nodes { id } }
  imports { nodes { id } } } }"""


@pytest.fixture
async def still(start_server: StartServer) -> Server:
    """A server on which nothing happens by itself."""
    return await start_server(worker=False)


async def owners_below(server: Server, project: str) -> dict[str, set[str]]:
    """Whose the rows of a project are, by table."""
    in_project = "SELECT id FROM conversation WHERE project_id = $1"
    messages = f"SELECT id FROM message WHERE conversation_id IN ({in_project})"
    found: dict[str, set[str]] = {}
    for model in record_models():
        columns = set(model.columns())
        if "owner_id" not in columns:
            continue
        ways = [
            f"{column} IN ({chosen})"
            for column, chosen in (
                ("project_id", "$1"), ("conversation_id", in_project), ("message_id", messages),
            )
            if column in columns
        ]  # fmt: skip
        where = " OR ".join([*ways, "id = $1"])
        rows = await server.sql(f"SELECT owner_id FROM {model.table()} WHERE {where}", project)
        if rows:
            found[model.table()] = {row["owner_id"] for row in rows}
    return found


async def move(user: Api, project: str, org: str | None) -> Any:
    """Move a project."""
    return (await user.do("moveProject", MOVED, id=project, orgId=org))["project"]


async def test_all_below_a_project_follows(still: Server) -> None:
    ada, eve = still.user("ada"), still.user("eve")
    world = await make_world(still, ada)
    project, org, own = world["project"], await found(ada), await id_of(ada)
    await join(still, ada, org, eve, "ADMIN")
    tables = await owners_below(still, project)
    assert len(tables) == 13, tables
    assert set().union(*tables.values()) == {own}
    seen = await ada.run(EVERYWHERE, id=project)
    assert (await move(ada, project, org))["orgId"] == org
    del tables["share_link"]  # links end there
    assert await owners_below(still, project) == {name: {org} for name in tables}
    assert await eve.run(EVERYWHERE, id=project) == await ada.run(EVERYWHERE, id=project) == seen
    back = await move(eve, project, None)
    assert (back["orgId"], back["userId"]) == (None, await id_of(eve))
    assert await owners_below(still, project) == {name: {await id_of(eve)} for name in tables}
    assert (await ada.run(READ, id=project))["project"] is None


async def test_rights_are_needed_on_both_sides(still: Server) -> None:
    ada, eve = still.user("ada"), still.user("eve")
    world, others = await make_world(still, ada), await make_world(still, eve)
    org = await found(ada)
    member = await plant_member(still, org, await id_of(eve), Role.VIEWER)
    cases = [
        (eve, others["project"], org, "FORBIDDEN"),  # a viewer adds nothing
        (eve, others["project"], world["org"], "NOT_FOUND"),
        (eve, world["project"], org, "NOT_FOUND"),
        (ada, world["project"], others["org"], "NOT_FOUND"),
    ]
    for user, project, goal, code in cases:
        before = await dump(still)
        with pytest.raises(Refused) as refused:
            await move(user, project, goal)
        assert refused.value.code == code
        assert before == await dump(still)
    await move(ada, world["project"], org)
    for role, code in ((Role.VIEWER, "FORBIDDEN"), (Role.EDITOR, "FORBIDDEN")):
        await still.sql("UPDATE org_member SET role = $2 WHERE id = $1", member, role)
        for goal in (None, others["org"]):
            with pytest.raises(Refused) as refused:
                await move(eve, world["project"], goal)
            assert refused.value.code == code, role
    await still.sql("UPDATE org_member SET role = 'admin' WHERE id = $1", member)
    assert (await move(eve, world["project"], others["org"]))["orgId"] == others["org"]


async def test_a_conversation_leaves_its_folder(still: Server) -> None:
    ada = still.user("ada")
    world, org, own = await make_world(still, ada), await found(ada), await id_of(ada)
    folder = (await still.sql("SELECT id FROM project WHERE id = $1", world["quiet"]))[0]["id"]
    inside = await plant(still, Conversation, user_id=own, owner_id=own, project_id=folder)
    to = {"conversationId": inside}
    made = await ada.do("createMessage", "{ message { id } }", to=to, content="Hello")
    shown = "{ conversation { id orgId projectId } }"
    moved = (await ada.do("moveConversation", shown, id=inside, orgId=org))["conversation"]
    assert moved == {"id": inside, "orgId": org, "projectId": None}
    (row,) = await still.sql("SELECT owner_id FROM message WHERE id = $1", made["message"]["id"])
    assert row["owner_id"] == org
    with pytest.raises(Refused) as refused:
        await ada.do("moveConversation", shown, id=world["conversation"], orgId=org)
    assert refused.value.code == "CONFLICT", "the main one goes with its project"


async def test_both_owners_hear_and_read_of_it(still: Server) -> None:
    ada = still.user("ada")
    world, own = await make_world(still, ada), await id_of(ada)
    end = await log_end(still)
    await move(ada, world["project"], world["org"])
    rows = {row["owner_id"]: row for row in await log_since(still, end)}
    assert set(rows) == {own, world["org"]}
    for row in rows.values():
        (change,) = [one for one in row["changes"] if one["id"] == world["project"]]
        assert change["op"] == "change"
        assert "owner_id" in change["columns"]
        assert (change["old"]["owner_id"], change["new"]["owner_id"]) == (own, world["org"])
    query = "query($o: ID) { auditLogs(org: $o, first: 1) { nodes { action resource metadata } } }"
    for owner, action, more in (
        (None, "MOVED_OUT", {"to": world["org"]}),
        (world["org"], "MOVED_IN", {"from": own}),
    ):
        (log,) = (await ada.run(query, o=owner))["auditLogs"]["nodes"]
        assert log == {"action": action, "resource": world["project"], "metadata": more}


async def test_who_listens_goes_on_or_is_sent_away(still: Server) -> None:
    ada, eve, bob = still.user("ada"), still.user("eve"), still.user("bob")
    first, second = await found(ada, "First"), await found(ada, "Second")
    await join(still, ada, first, eve, "VIEWER")
    await join(still, ada, first, bob, "VIEWER")
    await join(still, ada, second, bob, "VIEWER")
    made = await ada.do(
        "createProjectWithMessage", "{ project { id } reply { id } }", content="x", orgId=first
    )
    project, reply = made["project"]["id"], made["reply"]["id"]
    async with (
        eve.listen(LISTEN, id=project) as gone,
        bob.listen(LISTEN, id=project) as stays,
        eve.listen(STREAM, id=reply) as text,
    ):
        await gone.next()
        cursor = (await stays.next())["cursor"]
        await _followed(still)
        await move(ada, project, second)
        for events in (gone, text):
            await _sent_away(events)
        told = await stays.next(1)
        assert (told["node"], told["reset"]) == (None, True)
        await ada.do("stopMessage", "{ message { id } }", id=reply)
        assert (await stays.next(1))["node"] == {"content": ""}
    async with bob.listen(LISTEN, id=project, after=cursor) as events:
        assert (await events.next())["reset"] is True, "a cursor of the owner before"
    async with bob.listen(LISTEN, id=project, after=told["cursor"]) as events:
        assert (await events.next())["node"] == {"content": ""}


async def _sent_away(events: Events) -> None:
    """What was listened to ends, maybe after what another server had not heard of yet."""

    async def until_the_end() -> None:
        async with asyncio.timeout(5):
            async for _ in events:
                pass

    with pytest.raises(Refused) as refused:
        await until_the_end()
    assert refused.value.code == "NOT_FOUND"


async def _followed(server: Server) -> None:
    async def look() -> bool:
        return bool(server.services.streams._topics)  # noqa: SLF001 - it shows nowhere else

    await eventually(look)


@pytest.mark.parametrize("act", ["remove", "demote", "leave", "delete org", "accept"])
async def test_losing_a_role_ends_what_is_listened_to(start_server: StartServer, act: str) -> None:
    here, there = await start_server(worker=False), await start_server(worker=False)
    ada, eve = here.user("ada"), there.user("eve")
    org = await found(ada)
    member = await join(here, ada, org, eve, "VIEWER")
    made = await ada.do(
        "createProjectWithMessage", "{ project { id } reply { id } }", content="x", orgId=org
    )
    project, reply = made["project"]["id"], made["reply"]["id"]
    async with eve.listen(LISTEN, id=project) as events, eve.listen(STREAM, id=reply) as text:
        await events.next()
        await _followed(there)
        if act == "remove":
            await ada.do("removeOrgMember", "{ removedMemberId }", id=member)
        elif act == "demote":
            await ada.do("updateOrgMember", "{ orgMember { id } }", id=member, role="BILLING")
        elif act == "leave":
            await eve.do("leaveOrg", "{ removedMemberId }", orgId=org)
        elif act == "delete org":
            await ada.do("deleteOrg", "{ deletedOrgId }", id=org)
        else:  # another who comes takes nothing from anybody
            await join(here, ada, org, here.user("bob"), "VIEWER")
            await ada.do("stopMessage", "{ message { id } }", id=reply)
            assert (await events.next(1))["node"] == {"content": ""}
            return
        for one in (events, text):
            await _sent_away(one)


async def test_what_is_added_meanwhile_follows(start_server: StartServer) -> None:
    """Messages, attachments and runs come from two servers while a project goes to and fro."""
    here, there = await start_server(worker=False), await start_server(worker=False)
    ada = here.user("ada")
    org = await found(ada)
    made = await ada.do("createProject", "{ project { id } }", name="One", framework="VUE")
    project = made["project"]["id"]
    also = there.user("ada")
    image = {"url": "https://files.example/a.png", "size": 9}

    async def add(user: Api, number: int) -> None:
        to = {"projectId": project}
        one = await user.do("createMessage", "{ message { id } }", to=to, content=f"{number}")
        await user.do(
            "addAttachment", "{ attachment { id } }", messageId=one["message"]["id"], **image
        )
        await user.do("enqueueAgentRun", "{ agentRun { id } }", projectId=project, value="x")

    async def to_and_fro() -> None:
        for number in range(15):
            await move(ada, project, None if number % 2 else org)

    await asyncio.gather(to_and_fro(), *(add((ada, also)[n % 2], n) for n in range(20)))
    owners = await owners_below(here, project)
    assert len(owners) == 5
    assert set().union(*owners.values()) == {org}
