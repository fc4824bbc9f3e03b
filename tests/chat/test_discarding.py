"""Conversations and messages that are deleted: hidden at once, emptied in batches, nothing else."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from models.chat.deletion import work_off_deletion
from tests.harness.api import Api, Server, StartServer
from tests.harness.clock import FakeClock
from tests.harness.planting import plant_import
from tests.harness.refusals import refusal, unchanged
from tests.harness.verbs import actor_of, id_of

IMAGE = {"url": "https://files.example/a.png", "size": 9}
NODE = "query($id: ID!) { node(id: $id) { id } }"
TREE = "SELECT id, parent_id, selected, on_branch FROM message WHERE conversation_id = $1"


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def quiet(start_server: StartServer, clock: FakeClock) -> Server:
    """A server on which nothing happens by itself."""
    return await start_server(worker=False, clock=clock)


async def start(caller: Api, **given: Any) -> dict[str, str]:
    """A conversation whose answer is being written."""
    made = await caller.do(
        "startConversation",
        "{ conversation { id } message { id } reply { id } }",
        **{"content": "Hello", "attachments": [IMAGE]} | given,
    )
    return {name: row["id"] for name, row in made.items()}


async def empty_all(server: Server, clock: FakeClock, batch: int = 1) -> int:
    """Work off every deletion, one row a batch; how many batches it took."""
    assert not await work_off_deletion(actor_of(server, None)), "not before 30 days"
    clock.advance(days=31)
    rounds = 0
    while await work_off_deletion(actor_of(server, None), batch):
        rounds += 1
    return rounds


async def test_a_deleted_conversation_is_hidden_then_emptied(
    quiet: Server, clock: FakeClock
) -> None:
    ada = quiet.user()
    made, kept = await start(ada), await start(ada)
    await ada.do("deleteConversation", "{ deletedConversationId }", id=made["conversation"])
    for id in made.values():
        assert (await ada.run(NODE, id=id))["node"] is None
    (reply,) = await quiet.sql("SELECT outcome FROM message WHERE id = $1", made["reply"])
    assert reply["outcome"] == "CANCELED"
    async with unchanged(quiet):
        for mutation in ("deleteConversation", "clearConversation", "updateConversation"):
            assert await refusal(ada, mutation, id=made["conversation"]) == ("NOT_FOUND", "id")
    assert await empty_all(quiet, clock) > 4
    rows = await quiet.sql("SELECT id FROM message UNION ALL SELECT message_id FROM attachment")
    assert {row["id"] for row in rows} == {kept["message"], kept["reply"]}
    (tombstone,) = await quiet.sql(
        "SELECT title, deleted_at FROM conversation WHERE id = $1", made["conversation"]
    )
    assert tombstone["title"] is None
    assert tombstone["deleted_at"] is not None


async def test_a_cleared_conversation_goes_on(quiet: Server, clock: FakeClock) -> None:
    ada = quiet.user()
    made = await start(ada, title="Jam")
    await ada.do("clearConversation", "{ conversation { id } }", id=made["conversation"])
    read = """query($id: ID!) { conversation(id: $id) { title lastMessageAt latestMessage { id }
      messages { nodes { content orderId } } } }"""
    empty = {
        "title": "Jam",
        "lastMessageAt": None,
        "latestMessage": None,
        "messages": {"nodes": []},
    }
    assert (await ada.run(read, id=made["conversation"]))["conversation"] == empty
    assert (await ada.run(NODE, id=made["message"]))["node"] is None
    jobs = await quiet.sql("SELECT id FROM deletion_job")
    await ada.do("clearConversation", "{ __typename }", id=made["conversation"])
    assert await quiet.sql("SELECT id FROM deletion_job") == jobs, "there was nothing to clear"
    to = {"conversationId": made["conversation"]}
    await ada.do("createMessage", "{ __typename }", to=to, content="Anew")
    await empty_all(quiet, clock)
    shown = (await quiet.user().run(read, id=made["conversation"]))["conversation"]
    found = shown["messages"]["nodes"]
    assert found == [{"content": "Anew", "orderId": 3}], "orders are never given twice"
    assert await quiet.sql("SELECT id FROM attachment") == []


async def test_a_deleted_message_takes_along_all_below_it(quiet: Server, clock: FakeClock) -> None:
    ada = quiet.user()
    made = await start(ada)
    other = await ada.do(
        "editMessage", "{ message { id } }", id=made["message"], content="Other", supersede=True
    )
    await ada.do("deleteMessage", "{ deletedMessageId }", id=other["message"]["id"])
    rows = {row.pop("id"): row for row in await quiet.sql(TREE, made["conversation"])}
    shown = {"selected": True, "on_branch": True}
    assert rows == {
        made["message"]: {"parent_id": None, **shown},
        made["reply"]: {"parent_id": made["message"], **shown},
    }
    await empty_all(quiet, clock)
    assert len(await quiet.sql("SELECT id FROM message")) == 2


async def test_versions_deleted_one_after_the_other_are_emptied_in_any_order(
    quiet: Server, clock: FakeClock
) -> None:
    """What was deleted first hangs on nothing that may go before it."""
    ada = quiet.user()
    made = await start(ada)
    for name in ("reply", "message"):
        await ada.do("deleteMessage", "{ __typename }", id=made[name])
        clock.advance(minutes=1)
    late = "UPDATE deletion_job SET due_at = $1 WHERE id = (SELECT min(id) FROM deletion_job)"
    await quiet.sql(late, clock.now() + timedelta(days=90))
    await empty_all(quiet, clock)
    assert [row["id"] for row in await quiet.sql("SELECT id FROM message")] == [made["reply"]]


async def test_what_a_builder_keeps_outlives_a_deleted_message(
    quiet: Server, clock: FakeClock
) -> None:
    ada = quiet.user()
    made = await ada.do(
        "createProjectWithMessage",
        "{ project { id } message { id } agentRun { id } }",
        content="Build it",
    )
    project, message = made["project"]["id"], made["message"]["id"]
    about = {"sandboxUrl": "https://x.example", "title": "T", "files": {"a": ""}}
    fragment = await ada.do(
        "upsertFragment", "{ fragment { id } }", messageId=message, framework="VUE", **about
    )
    links = {"messageId": message, "fragmentId": fragment["fragment"]["id"]}
    saved = await ada.do(
        "saveFiles", "{ fileSnapshot { id } }", projectId=project, files={"a": ""}, **links
    )
    imported = await plant_import(quiet, await id_of(ada), project, message)
    await ada.do("deleteMessage", "{ __typename }", id=message)
    read = """query($id: ID!) { project(id: $id) { messages { nodes { id } }
      agentRuns { nodes { phase message { id } } } } }"""
    found = (await ada.run(read, id=project))["project"]
    assert found["messages"]["nodes"] == []
    assert found["agentRuns"]["nodes"] == [{"phase": "CANCELED", "message": None}]
    await empty_all(quiet, clock)
    for table in ("message", "fragment", "generation"):
        assert await quiet.sql(f"SELECT id FROM {table}") == [], table
    for table, id in (("agent_run", made["agentRun"]["id"]), ("project_import", imported),
                      ("file_snapshot", saved["fileSnapshot"]["id"])):  # fmt: skip
        (row,) = await quiet.sql(f"SELECT id, message_id FROM {table}")
        assert row == {"id": id, "message_id": None}


async def test_an_erased_user_leaves_no_deleted_conversation(
    quiet: Server, clock: FakeClock
) -> None:
    ada = quiet.user()
    made = await start(ada)
    await ada.do("deleteConversation", "{ __typename }", id=made["conversation"])
    await ada.do("deleteMe", "{ __typename }")
    while await work_off_deletion(actor_of(quiet, None)):
        pass
    assert await quiet.sql("SELECT id FROM message") == []


async def test_a_deleted_folder_stops_what_is_written_in_it(quiet: Server) -> None:
    ada = quiet.user()
    into = (await ada.do("createFolder", "{ project { id } }", name="F"))["project"]["id"]
    made = await start(ada, projectId=into)
    await ada.do("deleteProject", "{ deletedProjectId }", id=into)
    (row,) = await quiet.sql("SELECT outcome FROM message WHERE id = $1", made["reply"])
    assert row["outcome"] == "CANCELED"
    assert (await ada.run(NODE, id=made["conversation"]))["node"] is None
