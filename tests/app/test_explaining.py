"""`punnet explain`: the levels of an operation with PostgreSQL's plans; nothing is written."""

from __future__ import annotations

import asyncio
import json
import re
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from app.migrations import migrate
from app.postgres import EmbeddedPostgres
from tests.harness import step_kinds
from tests.harness.api import SECRET, Server, StartServer
from tests.harness.nursery import ROOT
from tests.harness.ownership import World, make_world
from tests.harness.postgres import NewDatabase
from tests.harness.verbs import all_rows

HEAD = re.compile(r"^[│├└─ ]*(?P<path>[\w.]+)  (?P<kind>[a-z]+)(?: of (?P<table>\w+))?", re.M)
PAGE = "{ projects(first: 2) { nodes { name messages(first: 3) { nodes { content } } } } }"
RENAME = """mutation Rename($id: ID!) { updateProject(input: {id: $id, name: "Renamed"}) {
  project { name messages { nodes { content } } } } }"""
LISTEN = """subscription Listen($id: ID!) { messageChanged(of: {projectId: $id}) {
  node { id fragment { id } } } }"""


async def explain(
    *arguments: str, url: str | None = None, stdin: bytes = b"", **settings: Any
) -> tuple[int, str, str]:
    """The exit code of the command, what it printed, and its complaints without a traceback."""
    given = {"dev": "true", "secret": SECRET} | settings
    if url is not None:
        given["database_url"] = url
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "app", "explain", *arguments),
        cwd=ROOT,
        env={f"PUNNET_{name.upper()}": value for name, value in given.items()},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = (part.decode() for part in await process.communicate(stdin))
    assert "Traceback" not in err
    assert process.returncode is not None
    return process.returncode, out, err


async def printed(*arguments: str, **options: Any) -> str:
    """What the command prints, which must end well and without a complaint."""
    code, out, err = await explain(*arguments, **options)
    assert (code, err) == (0, "")
    return out


def statements(out: str) -> list[str]:
    """The SQL of each statement that was sent, which PostgreSQL's plan must follow."""
    lines = [re.sub(r"^[│├└─ ]+", "", line) for line in out.splitlines()]
    costs = [number for number, line in enumerate(lines) if "(cost=" in line]
    found: list[str] = []
    for number, line in enumerate(lines):
        if re.match(r"\d+ statements? · ", line):
            end = next(cost for cost in costs if cost > number)
            found.append(" ".join(lines[number + 1 : end]))
    return found


@pytest.fixture
async def still(start_server: StartServer) -> Server:
    """A server without a worker."""
    return await start_server(worker=False)


@pytest.fixture
async def world(still: Server) -> World:
    """One row of everything, ada's."""
    return await make_world(still, still.user("ada"))


async def test_a_tree_of_every_kind_of_step_with_what_was_sent(
    still: Server, world: World, database: str
) -> None:
    variables = step_kinds.variables(world)
    still.statements.clear()
    await still.user("ada").run(step_kinds.DOCUMENT, **variables)
    sent = {sql for sql, _ in still.statements}
    given = json.dumps(variables)
    out = await printed(step_kinds.DOCUMENT, "--as", "ada", "--variables", given, url=database)
    assert out.startswith("query Kinds: by its plan\n")
    assert [(m["path"], m["kind"], m["table"]) for m in HEAD.finditer(out)] == step_kinds.LEVELS
    assert len(statements(out)) == 16
    assert set(statements(out)) <= sent, "the very statements that the server sends"
    assert f"(id = ANY ('{{{world['project']}}}'::text[]))" in out, "with the real keys"
    assert "sent by resolvers" in out
    assert not re.search(r" +$", out, re.M)


async def test_each_viewer_has_a_view_of_their_own(
    still: Server, world: World, database: str
) -> None:
    await still.user("eve").run("{ me { id } }")
    by_id, eves, nobodys = await asyncio.gather(
        printed(PAGE, "--as", world["user"], url=database),
        printed(PAGE, "--as", "eve", url=database),
        printed(PAGE, url=database),
    )
    assert "1 statement · 3 rows ·" in by_id
    assert world["user"] in by_id
    assert "1 statement · 0 rows ·" in eves
    assert eves.count("not sent") == 1
    assert nobodys.count("not sent") == 2
    assert "(cost=" not in nobodys


async def test_who_is_not_there_has_no_view(still: Server, database: str) -> None:
    await still.user("gone").run("{ me { id } }")
    await still.sql("UPDATE user_account SET deleted_at = now() WHERE clerk_id = 'gone'")
    said = "There is no such user; it appears with its first request.\n"
    tried = (explain(PAGE, "--as", who, url=database) for who in ("gone", "usr_" + "0" * 26))
    assert await asyncio.gather(*tried) == [(1, "", said)] * 2


async def test_the_document_may_come_from_a_file_or_standard_input(
    database: str, tmp_path: Path
) -> None:
    file = tmp_path / "page.graphql"
    file.write_text(f"query One {PAGE} query Two {PAGE}")
    out = await printed(str(file), "--operation", "Two", url=database)
    assert out.startswith("query Two: by its plan\n")
    assert await printed("-", stdin=PAGE.encode(), url=database) == out.replace("Two", "(no name)")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["{ me { idd } }"], "Cannot query field 'idd' on type 'User'. Did you mean 'id'? (line 1"),
        (["{ me { id } }", "--variables", "{"], "not valid JSON"),
        (["query($id: ID!) { node(id: $id) { id } }"], "Variable '$id'"),
        (["mutation($id: ID!) { deleteProject(input: {id: $id}) { deletedProjectId } }"],
         "Variable '$id'"),
        (["nowhere.graphql"], "No such file"),
        (["-"], "Text must not contain lone surrogates."),
    ],
)  # fmt: skip
async def test_what_is_no_valid_operation_ends_with_1(
    database: str, arguments: list[str], says: str
) -> None:
    code, out, err = await explain(*arguments, stdin=b"{ me { id } } # \xff", url=database)
    assert (code, out) == (1, "")
    assert says in err


async def test_errors_of_fields_are_shown_with_the_plan_that_was_given_up(database: str) -> None:
    out = await printed("{ projects(first: 1000) { nodes { id } } models { id } }", url=database)
    assert out.startswith("query (no name): by graphql-core (an error)\n")
    assert out.endswith("error: Must be from 0 to 100.\n")


async def test_mutations_and_subscriptions_are_not_run(
    still: Server, world: World, database: str
) -> None:
    before = await all_rows(still)
    given = json.dumps({"id": world["project"]})
    levels = {
        RENAME: "updateProject.project.messages  page of message by project_id",
        LISTEN: "messageChanged.node.fragment  one of fragment by message_id",
    }
    asked = [(document, "--as", "ada", "--variables", given) for document in levels]
    outs = await asyncio.gather(*(printed(*one, url=database) for one in asked))
    for out, level in zip(outs, levels.values(), strict=True):
        assert ": by its plan; not run, as it is no query\n" in out
        assert level in out
        assert "FROM" in out
        assert "(cost=" not in out
        assert "not sent" not in out
    assert before == await all_rows(still)
    twice = "mutation { a: createGuest(input: {}) { token } b: createGuest(input: {}) { token } }"
    out = await printed(twice, url=database)
    assert "by graphql-core (several mutations); not run" in out


async def test_analyze_runs_the_statements_and_says_what_that_took(
    world: World, database: str
) -> None:
    out = await printed(PAGE, "--as", "ada", "--analyze", url=database)
    assert "(actual time=" in out
    assert "Buffers: shared hit=" in out
    assert "Execution Time:" in out


async def test_what_graphql_core_executes_is_explained_too(world: World, database: str) -> None:
    out = await printed("{ __typename me { id } __schema { types { name } } }", "--as", "ada",
                        url=database)  # fmt: skip
    assert out.startswith("query (no name): by graphql-core (introspection)\n")
    assert "sent by resolvers" in out
    assert "(cost=" in out


async def test_a_missing_index_is_pointed_out(
    new_database: NewDatabase, start_server: StartServer
) -> None:
    url = await new_database()
    server = await start_server(url, worker=False)
    world = await make_world(server, server.user("ada"))
    document = f'{{ project(id: "{world["project"]}") {{ agentRuns {{ nodes {{ id }} }} }} }}'
    await server.sql("ANALYZE")  # now PostgreSQL knows that it may as well scan
    out = await printed(document, "--as", "ada", url=url)
    assert "READS ALL OF agent_run" not in out
    assert "Seq Scan" not in out, "planned as for the server's own connections"
    indexes = await server.sql(
        "SELECT indexrelid::regclass::text AS name FROM pg_index JOIN pg_attribute a ON "
        "a.attrelid = indrelid AND a.attnum = indkey[0] WHERE indrelid = 'agent_run'::regclass "
        "AND a.attname = 'project_id'"
    )
    for index in indexes:
        await server.sql(f"DROP INDEX {index['name']}")
    out = await printed(document, "--as", "ada", url=url)
    assert "READS ALL OF agent_run" in out


async def test_an_older_database_is_told_of(new_database: NewDatabase) -> None:
    code, out, err = await explain(PAGE, url=await new_database(empty=True))
    assert (code, out) == (1, "")
    assert err == "The database is older than this: run `punnet migrate` first.\n"


@pytest.fixture
async def embedded(tmp_path: Path) -> AsyncIterator[EmbeddedPostgres]:
    """The embedded PostgreSQL of a data folder, migrated and running."""
    server = EmbeddedPostgres(tmp_path / "postgres", durable=False)
    with server:
        await migrate(server.url())
        yield server
    server.remove()


async def test_the_embedded_database_serves_it_beside_a_server(
    start_server: StartServer, embedded: EmbeddedPostgres, tmp_path: Path
) -> None:
    server = await start_server(embedded.url(), worker=False)
    await server.user("ada").do("createProject", "{ project { id } }", name="P", framework="VUE")
    out = await printed(PAGE, "--as", "ada", data_dir=str(tmp_path))
    assert "1 statement · 1 row ·" in out
    assert (await server.user("ada").run(PAGE))["projects"]["nodes"], "the server goes on"
