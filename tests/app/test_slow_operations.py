"""Slow operations: noted by every process, listed by `punnet slow`, and never more than fit."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import sys
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from aiohttp import ClientSession
from graphql import parse

from app.observing import Finished
from app.slow_operations import BATCH, SlowOperations
from models.housekeeping import SLOW_KEPT, forget_the_old
from models.slow_operations import DOCUMENT, MOST, NAME
from tests.harness.api import Server, StartServer
from tests.harness.clock import FakeClock
from tests.harness.eventually import eventually
from tests.harness.fleet import Fleet
from tests.harness.nursery import nursery
from tests.harness.postgres import NewDatabase

CREATE = """mutation Create($name: String!) {
  createProject(input: {name: $name, framework: VUE}) { project { id } } }"""
RENAME = """mutation Rename($id: ID!) {
  updateProject(input: {id: $id, name: "Held up"}) { project { id } } }"""
LAST = "query Last { me { id } }"
FILL = """INSERT INTO slow_operation (hash, name, kind, document, viewer, codes, statements, count,
    total_ms, max_ms, first_seen, last_seen)
SELECT n, 'Old', 'query', '{ me { id } }', 'user', '[]', 1, 1, 5000, 5000, $2, $2
FROM generate_series(1, $1::int) n"""
SINGLE = [
    ("{ me { id } }", "{\n  me {\n    id\n  }\n}"),
    ("query ($a: Int = 12) { f(a: $a, b: 3.5e7) }", "query ($a: Int = 0) {\n  f(a: $a, b: 0)\n}"),
    ('{ f(a: "me", b: """me""") }', '{\n  f(a: "", b: "")\n}'),
    ('{ f(a: ["me", $me], b: {c: "me"}) } # me', "{\n  f(a: [], b: {  })\n}"),
    ("{ f(a: RED, b: true, c: null) }", "{\n  f(a: RED, b: true, c: null)\n}"),
]


async def punnet(url: str, *arguments: str, code: int = 0) -> str:
    """The output of the command, which must end with `code` and without a traceback."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "app", *arguments),
        env=os.environ | {"PUNNET_DATABASE_URL": url, "COLUMNS": "300"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    output, errors = await process.communicate()
    assert process.returncode == code
    assert b"Traceback" not in errors
    return output.decode()


async def listed(url: str, *arguments: str) -> list[dict[str, Any]]:
    """What `punnet slow` lists."""
    return json.loads(await punnet(url, "slow", "--json", *arguments))


async def noted(server: Server, name: str) -> None:
    """Wait until an operation is noted."""

    async def look() -> bool:
        return bool(await server.sql("SELECT 1 FROM slow_operation WHERE name = $1", name))

    await eventually(look)


async def note_all(server: Server, clock: FakeClock, operations: Iterable[Finished]) -> None:
    """Have these noted as one batch."""
    slow = SlowOperations(server.services.background, clock, 0.5)
    for done in operations:
        slow.operation_finished(done)
    running = asyncio.create_task(slow.run())
    await asyncio.sleep(0)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


def query(seconds: float, text: str = "{ me { id } }", name: str | None = None) -> Finished:
    return Finished("query", name, seconds, [], "user", parse(text))


@asynccontextmanager
async def locked(url: str, id: str, seconds: float) -> AsyncIterator[None]:
    """Hold a project's row for so long."""
    connection = await asyncpg.connect(url)
    transaction = connection.transaction()
    await transaction.start()
    await connection.fetch("SELECT 1 FROM project WHERE id = $1 FOR UPDATE", id)
    ending = asyncio.get_running_loop().create_task(asyncio.sleep(seconds))
    ending.add_done_callback(lambda _: connection.terminate())
    try:
        yield
    finally:
        await ending


@pytest.fixture
async def still(start_server: StartServer) -> Server:
    """A server without a worker."""
    return await start_server(worker=False)


async def test_only_what_takes_long_is_listed(start_server: StartServer, database: str) -> None:
    server = await start_server(worker=False, slow_operation=1.0)
    api = server.user()
    id = (await api.run(CREATE, name="P"))["createProject"]["project"]["id"]
    async with locked(database, id, 1.2):
        await api.run(RENAME, id=id)
    await noted(server, "Rename")
    (slow,) = await listed(database)
    assert (slow["name"], slow["kind"], slow["viewer"]) == ("Rename", "mutation", "user")
    assert 1_000 <= slow["max_ms"] == slow["total_ms"] < 10_000
    assert slow["statements"] > 1
    table = await punnet(database, "slow")
    assert re.search(r"mutation Rename +1 +\d", table)


async def test_processes_add_up_and_note_the_rest_when_they_end(
    database: str, tmp_path: Path
) -> None:
    async with nursery(tmp_path) as made, ClientSession() as session:
        fleet = Fleet(made, database, session, {"slow_operation": 0})
        for member in [await fleet.start("serve") for _ in range(2)]:
            for word in ("one", "two", "three"):
                find = f'query Find {{ node(id: "{word}") {{ id }} }} # {word}'
                await fleet.api("ada", member).ask(find)
            await fleet.api("ada", member).ask("mutation Find { deleteProject { __typename } }")
            member.child.send(signal.SIGTERM)
            assert await member.child.ended == 0
    (slow,) = await listed(database)
    assert slow["count"] == 6
    assert slow["document"] == 'query Find {\n  node(id: "") {\n    id\n  }\n}'
    assert slow["first_seen"] < slow["last_seen"]
    assert slow["max_ms"] < slow["total_ms"]


async def test_the_end_tears_no_batch(database: str, tmp_path: Path) -> None:
    async with nursery(tmp_path) as made, ClientSession() as session:
        fleet = Fleet(made, database, session, {"slow_operation": 0, "worker": "false"})
        member = await fleet.start("serve")
        other = await asyncpg.connect(database)
        async with other.transaction():
            await other.execute("LOCK TABLE slow_operation")
            await fleet.api("ada", member).ask(LAST)

            async def waiting() -> bool:
                return await other.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted") > 0

            await eventually(waiting)
            member.child.send(signal.SIGTERM)
            await member.child.told("stopping")
            await asyncio.sleep(0.5)
        await other.close()
        assert await member.child.ended == 0
    (slow,) = await listed(database)
    assert (slow["name"], slow["count"]) == ("Last", 1)


async def test_who_asked_and_what_went_wrong_are_those_of_the_latest_run(
    start_server: StartServer, database: str
) -> None:
    server = await start_server(worker=False, slow_operation=0)
    await server.user().run(CREATE, name="P")
    await noted(server, "Create")
    await server.nobody().ask(CREATE, name="P")
    await server.nobody().ask(LAST)
    await noted(server, "Last")
    create = next(slow for slow in await listed(database) if slow["name"] == "Create")
    assert (create["count"], create["viewer"]) == (2, "signed out")
    assert create["codes"] == ["UNAUTHENTICATED"]
    assert create["statements"] > 0


async def test_the_list_goes_back_some_hours_and_can_be_cleared(
    still: Server, database: str
) -> None:
    await still.sql(FILL, 1, datetime.now(UTC) - timedelta(hours=25))
    assert await listed(database) == []
    assert len(await listed(database, "--hours", "26")) == 1
    await punnet(database, "slow", "--clear")
    assert await listed(database, "--hours", "26") == []


async def test_an_older_database_is_told_of(new_database: NewDatabase) -> None:
    assert await punnet(await new_database(empty=True), "slow", code=1) == ""


async def test_subscriptions_and_refused_documents_are_not_slow(start_server: StartServer) -> None:
    server = await start_server(slow_operation=0)
    api = server.user()
    made = await api.do("createProjectWithMessage", "{ reply { id } }", content="Hello")
    watch = "subscription Watch($id: ID!) { messageStreamed(messageId: $id) { text } }"
    async with api.listen(watch, id=made["reply"]["id"]) as events:
        await events.next()
    await api.ask("query Wrong { nothing }")
    await api.ask(LAST)
    await noted(server, "Last")
    names = {row["name"] for row in await server.sql("SELECT name FROM slow_operation")}
    assert names == {"", "Last"}


async def test_nothing_of_what_users_wrote_is_noted(start_server: StartServer) -> None:
    server = await start_server(worker=False, slow_operation=0)
    planted = "raspberry-jam"
    api = server.user(planted)
    await api.run(CREATE, name=planted)
    await api.ask(f'query A {{ nodes(ids: ["{planted}", """{planted}"""]) {{ id }} }} # {planted}')
    await api.ask(f'query B($id: ID! = "{planted}") {{ node(id: $id) {{ id }} }}')
    literal = f'{{name: "{planted}", framework: VUE}}'
    await api.run(f"mutation C {{ createProject(input: {literal}) {{ project {{ id }} }} }}")
    await api.do("createProjectWithMessage", "{ reply { id } }", content=planted)
    await api.ask(LAST)
    await noted(server, "Last")
    rows = [row["row"] for row in await server.sql("SELECT s::text AS row FROM slow_operation s")]
    assert len(rows) == 6
    assert not [row for row in rows if "raspberry" in row or "usr_" in row]
    assert "raspberry" not in await metrics(server)


@pytest.mark.parametrize(("text", "kept"), SINGLE)
async def test_literals_are_left_out(still: Server, text: str, kept: str) -> None:
    await note_all(still, FakeClock(), [query(1, text)])
    assert await still.sql("SELECT document FROM slow_operation") == [{"document": kept}]


async def test_long_names_and_documents_are_cut(still: Server) -> None:
    long = f"{{ {'x' * 2 * DOCUMENT} }}"
    await note_all(
        still,
        FakeClock(),
        [query(1, long + end, "N" * 2 * NAME) for end in ("", " # end", "query B { b }")],
    )
    rows = await still.sql("SELECT name, document, count FROM slow_operation ORDER BY count")
    assert [(len(row["name"]), len(row["document"])) for row in rows] == [(NAME, DOCUMENT)] * 2
    assert [row["count"] for row in rows] == [1, 2], "the hash is that of the whole document"


async def test_endless_documents_neither_fill_the_table_nor_push_out_what_cost_more(
    still: Server,
) -> None:
    clock = FakeClock()
    await still.sql(FILL, MOST - BATCH, clock.now())
    made_up = [query(0.6, f"{{ field{number} }}") for number in range(3 * BATCH)]
    for start in range(0, len(made_up), BATCH):
        await note_all(still, clock, made_up[start:])
    counts = "SELECT count(*), count(*) FILTER (WHERE name = 'Old') AS old FROM slow_operation"
    assert await still.sql(counts) == [{"count": MOST, "old": MOST - BATCH}]
    await note_all(still, clock, [query(0.7, name="Dear")])
    assert await still.sql(counts) == [{"count": MOST, "old": MOST - BATCH}]
    assert await still.sql("SELECT 1 FROM slow_operation WHERE name = 'Dear'")


async def test_what_was_not_seen_for_long_is_forgotten(still: Server) -> None:
    clock = FakeClock()
    await still.sql(FILL, 1, clock.now() - SLOW_KEPT - timedelta(seconds=1))
    await note_all(still, clock, [query(1, name="New")])
    await forget_the_old(still.services.background, clock)
    assert await still.sql("SELECT name FROM slow_operation") == [{"name": "New"}]


async def metrics(server: Server) -> str:
    async with server.session.get(f"{server.url}/metrics") as response:
        return await response.text()


async def test_metrics_name_a_hundred_slow_operations_and_no_more(
    start_server: StartServer,
) -> None:
    server = await start_server(worker=False, slow_operation=0)
    for number in range(110):
        await server.nobody().ask(f"query Number{number} {{ me {{ id }} }}")
    await server.nobody().ask("{ me { id } }")
    told = await metrics(server)
    assert 'punnet_slow_operations_total{kind="query"} 111.0' in told
    assert told.count("punnet_named_operation_seconds_count{") == 101
    assert 'punnet_named_operation_seconds_count{name="Number99"} 1.0' in told
    assert 'punnet_named_operation_seconds_count{name="other"} 11.0' in told


async def test_metrics_name_nothing_that_is_fast(start_server: StartServer) -> None:
    server = await start_server(worker=False, slow_operation=60)
    await server.nobody().ask(LAST)
    told = await metrics(server)
    assert "punnet_slow_operations_total{" not in told
    assert 'punnet_named_operation_seconds_count{name="other"} 1.0' in told
    assert "Last" not in told
