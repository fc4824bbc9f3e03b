"""Verbs: the one way to write. Each proof here uses real transactions on real connections."""

from __future__ import annotations

import asyncio

import pytest

from models.accounts.users import User
from models.chat.projects import Project
from models.errors import Conflict, Invalid
from models.transaction import Transaction
from models.verbs import TRIES, Actor, verb
from tests.harness.api import Server, StartServer
from tests.harness.verbs import actor_of, all_rows, id_of, log_end, log_since

PROJECT = "{ project { id name description modelPreference createdAt updatedAt } }"
READ = "query($id: ID!) { project(id: $id) { name description createdAt updatedAt } }"


class Gate:
    """Stops the first try of a verb in the middle, until the test opens it."""

    def __init__(self) -> None:
        self.reached = asyncio.Event()
        self.opened = asyncio.Event()

    async def pass_through(self) -> None:
        self.reached.set()
        await self.opened.wait()


async def make_project(server: Server, **values: object) -> tuple[Actor, str]:
    """A user who acts, and the id of their project."""
    ada = server.user()
    made = await ada.do("createProject", PROJECT, **({"name": "One", "framework": "VUE"} | values))
    return actor_of(server, await id_of(ada)), made["project"]["id"]


@verb
async def rename_slowly(tx: Transaction, project_id: str, name: str, gate: Gate) -> Project:
    project = await tx.reach(Project, project_id)
    await gate.pass_through()
    return await project.change(name=name)


@verb
async def rename_what_was_read(tx: Transaction, project_id: str, name: str, gate: Gate) -> Project:
    """Reads without a lock, as a body does with a row it did not mean to change."""
    (project,) = await tx.find(Project, "id = $1", project_id)
    await gate.pass_through()
    await project.change(name=name)
    assert project.description == "theirs", "the row is refreshed when it is locked"
    return project


async def test_two_verbs_on_one_row_wait_for_each_other(start_server: StartServer) -> None:
    one, two = await start_server(worker=False), await start_server(worker=False)
    actor, project = await make_project(one)
    gate = Gate()
    first = asyncio.create_task(rename_slowly(actor, project, "mine", gate))
    await gate.reached.wait()
    ada = two.user()
    second = asyncio.create_task(ada.do("updateProject", PROJECT, id=project, description="theirs"))
    await asyncio.sleep(0.1)
    assert not second.done(), "the row is locked"
    gate.opened.set()
    await first
    await second
    found = (await ada.run(READ, id=project))["project"]
    assert (found["name"], found["description"]) == ("mine", "theirs")


async def test_a_row_read_without_a_lock_loses_nothing(start_server: StartServer) -> None:
    one, two = await start_server(worker=False), await start_server(worker=False)
    actor, project = await make_project(one)
    gate = Gate()
    first = asyncio.create_task(rename_what_was_read(actor, project, "mine", gate))
    await gate.reached.wait()
    end = await log_end(one)
    ada = two.user()
    await ada.do("updateProject", PROJECT, id=project, description="theirs")
    gate.opened.set()
    await first
    found = (await ada.run(READ, id=project))["project"]
    assert (found["name"], found["description"]) == ("mine", "theirs")
    noted = [row["changes"][0]["columns"] for row in await log_since(one, end)]
    assert noted == [["description", "updated_at"], ["name", "updated_at"]]


@verb
async def count_message(tx: Transaction, user_id: str, by: int, floor: int | None) -> int | None:
    (user,) = await tx.find(User, "id = $1", user_id)
    return await tx.count_up(user, "message_count", by, floor=floor)


async def test_counters_lose_nothing_and_keep_their_floor(start_server: StartServer) -> None:
    servers = [await start_server(worker=False) for _ in range(2)]
    user = await id_of(servers[0].user())
    actors = [actor_of(server, user) for server in servers]
    up = await asyncio.gather(*(count_message(actors[n % 2], user, 1, None) for n in range(60)))
    assert sorted(up) == list(range(1, 61)), "each sees a value of its own"
    down = await asyncio.gather(*(count_message(actors[n % 2], user, -1, 0) for n in range(80)))
    assert sorted(value for value in down if value is not None) == list(range(60))
    assert down.count(None) == 20
    (row,) = await servers[0].sql("SELECT message_count FROM user_account")
    assert row["message_count"] == 0


# -- trying again --------------------------------------------------------------------------


class Meeting:
    """Lets two verbs hold their first lock before either asks for its second."""

    def __init__(self) -> None:
        self.tries = 0
        self._both = asyncio.Event()

    async def arrive(self) -> None:
        self.tries += 1
        if self.tries >= 2:
            self._both.set()
        await self._both.wait()


@verb
async def describe_both(
    tx: Transaction, first: str, second: str, column: str, meeting: Meeting
) -> None:
    await tx.connection.execute("SET LOCAL deadlock_timeout = '20ms'")
    one = await tx.reach(Project, first)
    await meeting.arrive()
    two = await tx.reach(Project, second)
    for project in (one, two):
        await project.change(**{column: f"by {first}"})


async def test_a_deadlock_is_tried_again(start_server: StartServer) -> None:
    server = await start_server(worker=False)
    actor, one = await make_project(server)
    _, two = await make_project(server)
    meeting = Meeting()
    end = await log_end(server)
    await asyncio.gather(
        describe_both(actor, one, two, "name", meeting),
        describe_both(actor, two, one, "description", meeting),
    )
    assert meeting.tries == 3, "one of the two was the victim and began again"
    for row in await server.sql("SELECT name, description FROM project"):
        assert row == {"name": f"by {one}", "description": f"by {two}"}
    assert len(await log_since(server, end)) == 2, "the victim's first try left nothing"


class Tries:
    """What a verb's tries saw."""

    def __init__(self, failures: int = 10**9) -> None:
        self.left = failures
        self.rows: list[Project] = []

    async def fail(self, tx: Transaction, state: str) -> None:
        """Have PostgreSQL itself raise an error of that state, as long as some are left."""
        if self.left > 0:
            self.left -= 1
            await tx.connection.execute(
                f"DO $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '{state}'; END $$"
            )


@verb
async def rename_with_bad_luck(
    tx: Transaction, project_id: str, state: str, tries: Tries
) -> Project:
    project = await tx.reach(Project, project_id)
    tries.rows.append(project)
    assert project.name == "One", "each try starts from what is stored"
    await project.change(name="Two")
    await tries.fail(tx, state)
    return project


@pytest.mark.parametrize("state", ["40P01", "40001"])
async def test_tries_are_bounded_and_then_coded(start_server: StartServer, state: str) -> None:
    server = await start_server(worker=False)
    actor, project = await make_project(server)
    before = await all_rows(server)
    tries = Tries()
    with pytest.raises(Conflict) as refused:
        await rename_with_bad_luck(actor, project, state, tries)
    assert refused.value.extensions == {"code": "CONFLICT", "retryAfter": 1}
    assert len(tries.rows) == TRIES
    assert len({id(row) for row in tries.rows}) == TRIES, "an identity map of its own for each"
    assert await all_rows(server) == before


async def test_other_errors_are_not_tried_again(start_server: StartServer) -> None:
    server = await start_server(worker=False)
    actor, project = await make_project(server)
    tries = Tries()
    with pytest.raises(Exception, match="no"):
        await rename_with_bad_luck(actor, project, "22012", tries)
    assert len(tries.rows) == 1


# -- verbs inside verbs --------------------------------------------------------------------


@verb
async def outer(tx: Transaction, project_id: str, tries: Tries, server: Server) -> Project:
    """Joins another verb, whose work nobody else may see until this one ends."""
    project = await rename_with_bad_luck(tx, project_id, "40P01", tries)
    (seen,) = await server.sql("SELECT name FROM project")
    assert seen["name"] == "One", "the inner verb has not committed"
    return await project.change(description="outer")


@verb
async def outer_that_fails(tx: Transaction, project_id: str) -> None:
    await Project.update(tx, project_id, name="Two")
    raise Invalid("No.")


async def test_a_nested_verb_joins_the_outer_one(start_server: StartServer) -> None:
    server = await start_server(worker=False)
    actor, project = await make_project(server)
    end = await log_end(server)
    tries = Tries(failures=1)
    await outer(actor, project, tries, server)
    assert len(tries.rows) == 2, "the outer verb began again, the inner one did not by itself"
    (logged,) = await log_since(server, end)
    assert logged["verb"] == "outer"
    (change,) = logged["changes"]
    assert change["columns"] == ["description", "name", "updated_at"]
    with pytest.raises(Invalid):
        await outer_that_fails(actor, project)
    assert [row["name"] for row in await server.sql("SELECT name FROM project")] == ["Two"]


@verb
async def inner_tries(tx: Transaction, tries: Tries) -> None:
    tries.rows.append(Project())
    await tries.fail(tx, "40P01")


@verb
async def outer_that_counts(tx: Transaction, tries: Tries, caught: list[str]) -> None:
    try:
        await inner_tries(tx, tries)
    except Exception as error:
        caught.append(getattr(error, "sqlstate", ""))
        raise Invalid("Enough.") from error


async def test_a_nested_verb_does_not_retry(start_server: StartServer) -> None:
    server = await start_server(worker=False)
    tries, caught = Tries(), list[str]()
    with pytest.raises(Invalid):
        await outer_that_counts(actor_of(server, None), tries, caught)
    assert len(tries.rows) == 1
    assert caught == ["40P01"], "the error reaches the outer verb as it is"
