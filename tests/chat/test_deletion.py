"""Deleting a project: hidden at once, emptied in bounded batches, a tombstone kept."""

from __future__ import annotations

from datetime import datetime, timedelta

import asyncpg
import pytest

from models.chat.deletion import work_off_deletion
from models.verbs import Actor
from models.viewer import SIGNED_OUT
from tests.harness.api import Server, StartServer
from tests.harness.planting import plant_import
from tests.harness.verbs import id_of


class LaterClock:
    """A clock that is 31 days ahead."""

    def __init__(self, server: Server) -> None:
        self._clock = server.services.ports.clock

    def now(self) -> datetime:
        return self._clock.now() + timedelta(days=31)


async def test_a_deleted_project_is_hidden_then_emptied(start_server: StartServer) -> None:
    server = await start_server(worker=False)
    ada = server.user()
    made = await ada.do(
        "createProjectWithMessage",
        "{ project { id } message { id } reply { id } }",
        content="Build it",
        attachments=[{"url": "https://files.example/a.png", "size": 9}],
    )
    project = made["project"]["id"]
    await ada.do("saveFiles", "{ fileSnapshot { id } }", projectId=project, files={"a.txt": "a"})
    await ada.do("saveFragmentDraft", "{ draft { id } }", projectId=project, files={"a.txt": "b"})
    await plant_import(server, await id_of(ada), project, made["message"]["id"])
    await ada.do("deleteProject", "{ deletedProjectId }", id=project)
    assert (
        await ada.run("query($id: ID!) { node(id: $id) { id } }", id=made["message"]["id"])
    ) == {"node": None}
    stopped = await server.sql("SELECT status, outcome FROM message WHERE role = 'ASSISTANT'")
    assert stopped == [{"status": "COMPLETE", "outcome": "CANCELED"}]

    ports = server.services.ports
    early = Actor(SIGNED_OUT, ports.database, ports.clock, ports.bus, ports.models)
    assert not await work_off_deletion(early), "not before 30 days"
    late = Actor(SIGNED_OUT, ports.database, LaterClock(server), ports.bus, ports.models)
    rounds = 0
    while await work_off_deletion(late, batch=1):
        rounds += 1
    assert rounds > 5, "one row a batch"
    for table in (
        "message",
        "conversation",
        "attachment",
        "generation",
        "agent_run",
        "file_snapshot",
        "fragment_draft",
        "project_import",
    ):
        assert await server.sql(f"SELECT id FROM {table}") == [], table
    (row,) = await server.sql("SELECT name, deleted_at FROM project")
    assert row["name"] == "Deleted"
    assert row["deleted_at"] is not None
    (job,) = await server.sql("SELECT state, removed_rows FROM deletion_job")
    assert job == {"state": "complete", "removed_rows": rounds - 1}


async def test_a_deletion_that_fails_does_not_hold_up_the_others(
    start_server: StartServer,
) -> None:
    server = await start_server(worker=False)
    ada = server.user()
    hindered, other = [
        (await ada.do("createConversation", "{ conversation { id } }"))["conversation"]["id"]
        for _ in range(2)
    ]
    said = [
        await ada.do(
            "createMessage", "{ message { id } }", to={"conversationId": talk}, content="x"
        )
        for talk in (hindered, other)
    ]
    # Nothing does this; but should anything ever, only this one is to suffer.
    link = "UPDATE message SET parent_id = $1 WHERE id = $2"
    await server.sql(link, *(one["message"]["id"] for one in said))
    await ada.do("deleteConversation", "{ deletedConversationId }", id=hindered)
    gone = await ada.do("createConversation", "{ conversation { id } }")
    await ada.do("deleteConversation", "{ deletedConversationId }", id=gone["conversation"]["id"])
    ports = server.services.ports
    late = Actor(SIGNED_OUT, ports.database, LaterClock(server), ports.bus, ports.models)
    with pytest.raises(asyncpg.ForeignKeyViolationError):
        await work_off_deletion(late)
    while await work_off_deletion(late):
        pass
    rows = await server.sql("SELECT root_id, state FROM deletion_job ORDER BY created_at")
    assert rows == [
        {"root_id": hindered, "state": "pending"},
        {"root_id": gone["conversation"]["id"], "state": "complete"},
    ]
