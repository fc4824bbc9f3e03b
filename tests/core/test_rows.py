"""Rows inside a verb: one instance each, one note each, and only what differs is written."""

from __future__ import annotations

import pytest

from models.chat.projects import Framework, Project
from models.errors import NotFound
from models.transaction import Transaction
from models.verbs import Actor, verb
from tests.harness.api import Server, StartServer
from tests.harness.clock import FakeClock
from tests.harness.verbs import actor_of, all_rows, id_of, log_end, log_since

PROJECT = "{ project { id name description modelPreference createdAt updatedAt } }"


async def make_project(server: Server, **values: object) -> tuple[Actor, str]:
    """A user who acts, and the id of their project."""
    ada = server.user()
    made = await ada.do("createProject", PROJECT, **({"name": "One", "framework": "VUE"} | values))
    return actor_of(server, await id_of(ada)), made["project"]["id"]


@verb
async def touch_in_many_ways(tx: Transaction, project_id: str) -> None:
    row = await tx.reach(Project, project_id)
    assert await tx.lock(Project, project_id) is row
    assert await tx.find(Project, "id = $1", project_id) == [row]
    (found,) = await tx.find(Project, "id = $1", project_id, lock=True)
    assert found is row
    await row.change(name="Two")
    await found.change(description="both")
    (many,) = await tx.change_many(Project, "id = $1", project_id, framework=Framework.REACT)
    assert many is row
    assert (row.name, row.description, row.framework) == ("Two", "both", Framework.REACT)


async def test_there_is_one_instance_per_row_and_one_note(start_server: StartServer) -> None:
    server = await start_server(worker=False)
    actor, project = await make_project(server)
    end = await log_end(server)
    await touch_in_many_ways(actor, project)
    (logged,) = await log_since(server, end)
    (change,) = logged["changes"]
    assert (change["op"], change["id"]) == ("change", project)
    assert change["columns"] == ["description", "framework", "name", "updated_at"]
    assert (change["old"]["framework"], change["new"]["framework"]) == ("VUE", "REACT")


async def test_unchanged_columns_write_and_note_nothing(start_server: StartServer) -> None:
    clock = FakeClock()
    server = await start_server(worker=False, clock=clock)
    actor, project = await make_project(server, name="One")
    end, before = await log_end(server), await all_rows(server)
    clock.advance(seconds=30)
    server.statements.clear()
    ada = server.user()
    await ada.do("updateProject", PROJECT, id=project, name="One", framework="VUE")
    assert not [sql for sql, _ in server.statements if sql.startswith(("UPDATE", "INSERT"))]
    assert await all_rows(server) == before
    server.statements.clear()
    await Project.update(actor, project, name="Two", framework="VUE")
    (written,) = [sql for sql, _ in server.statements if sql.startswith("UPDATE")]
    assert written == "UPDATE project SET name = $2, updated_at = $3 WHERE id = $1"
    assert len(await log_since(server, end)) == 1


async def test_times_are_stamped_from_the_clock(start_server: StartServer) -> None:
    clock = FakeClock()
    made = clock.now()
    server = await start_server(worker=False, clock=clock)
    _, project = await make_project(server)
    changed = clock.advance(seconds=61)
    ada = server.user()
    await ada.do("updateProject", PROJECT, id=project, name="Two")
    (row,) = await server.sql("SELECT created_at, updated_at FROM project")
    assert row == {"created_at": made, "updated_at": changed}
    (logged,) = await server.sql("SELECT at FROM event_log ORDER BY position DESC LIMIT 1")
    assert logged["at"] == changed


async def test_rows_change_only_inside_a_verb(start_server: StartServer) -> None:
    server = await start_server(worker=False)
    actor, project = await make_project(server)
    before = await all_rows(server)
    kept = await Project.update(actor, project, name="One")
    read = Project.from_row((await server.sql("SELECT * FROM project"))[0])
    for row in (kept, read, Project(name="new")):
        with pytest.raises(RuntimeError, match="only inside a verb"):
            await row.change(name="Two")
        with pytest.raises(RuntimeError, match="only inside a verb"):
            await row.remove()
    assert await all_rows(server) == before


async def test_a_verb_reaches_only_the_viewers_rows(start_server: StartServer) -> None:
    server = await start_server(worker=False)
    _, project = await make_project(server)
    before = await all_rows(server)
    stranger = actor_of(server, "usr_01h455vb4pex5vsknk084sn02q")
    for actor in (stranger, actor_of(server, None)):
        with pytest.raises(NotFound):
            await Project.update(actor, project, name="Two")
    assert await all_rows(server) == before
