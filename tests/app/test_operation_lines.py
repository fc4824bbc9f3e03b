"""The line of each operation: its own statements, whatever runs beside it, and nobody's words."""

from __future__ import annotations

import asyncio
import re
from collections import defaultdict
from dataclasses import dataclass
from io import StringIO

import pytest
from rich.console import Console

from app.operation_lines import OperationLines
from tests.harness.api import Api, Server, StartServer
from tests.harness.eventually import eventually
from tests.harness.plans import CONTROL

LINE = re.compile(
    r"^[\d:.]+ (?P<kind>\w+) +(?P<name>\w+|\(no name\)) [\d.]+ ms"
    r" · (?P<statements>\d+) statements? · (?P<rows>\d+) rows?(?: · (?P<codes>[A-Z_ ]+))?$"
)
STATEMENT = re.compile(r"^    (?P<count>\d+)x [\d.]+ ms  (?P<sql>.+)$")

OPERATIONS = {
    "Nothing": "query Nothing { models { id } }",
    "Me": "query Me { me { id } }",
    "Projects": "query Projects { projects(first: 5) { nodes { id } } }",
    "Messages": """query Messages { projects(first: 5) { nodes { id
        messages(first: 5) { nodes { id fragment { id } attachments { id } } } } } }""",
    "Create": """mutation Create { createProject(input: {name: "P", framework: VUE}) {
        project { id } } }""",
    "Missing": """mutation Missing { deleteProject(input: {id: "prj_01h455vb4pex5vsknk084sn02q"}) {
        deletedProjectId } }""",
}
POLLS = 1.0  # seconds in which everything that polls has done so
WATCHED = "subscription Watched($id: ID!) { messageStreamed(messageId: $id) { text } }"


@dataclass
class Shown:
    """A server whose operations are printed."""

    server: Server
    output: StringIO

    def lines(self) -> list[str]:
        return self.output.getvalue().splitlines()

    def operations(self) -> dict[str, list[tuple[int, int, str | None]]]:
        """Name → statements, rows and codes of each line."""
        found = defaultdict(list)
        for line in filter(None, map(LINE.match, self.lines())):
            seen = int(line["statements"]), int(line["rows"]), line["codes"]
            found[line["name"]].append(seen)
        return found

    def statements(self) -> list[tuple[int, str]]:
        """How often each printed statement was sent."""
        found = filter(None, map(STATEMENT.match, self.lines()))
        return [(int(line["count"]), line["sql"]) for line in found]

    def forget(self) -> None:
        self.output.truncate(0)
        self.output.seek(0)
        self.server.statements.clear()


@pytest.fixture
async def shown(start_server: StartServer) -> Shown:
    output = StringIO()
    lines = OperationLines(Console(file=output, width=20), sql=True)
    return Shown(await start_server(worker=False, observers=[lines]), output)


async def filled(server: Server) -> Api:
    """A caller with two projects that hold messages."""
    api = server.user()
    for name in ("One", "Two"):
        await api.do("createProjectWithMessage", "{ project { id } }", content=name)
    return api


async def sent_alone(shown: Shown, api: Api, query: str) -> list[str]:
    """The statements that PostgreSQL got for an operation.

    Without those that it also gets for an operation that asks for nothing: they read who the
    viewer is, and what is new in the event log.
    """
    shown.forget()
    await api.ask("{ __typename }")
    await asyncio.sleep(POLLS)
    every = {sql for sql, _ in shown.server.statements}
    shown.forget()
    await api.ask(query)
    await asyncio.sleep(0.1)
    sent = [sql for sql, _ in shown.server.statements if sql not in every]
    return [" ".join(sql.split()) for sql in sent if not sql.startswith(CONTROL)]


async def test_each_line_tells_what_postgresql_got(shown: Shown) -> None:
    api = await filled(shown.server)
    for name, query in OPERATIONS.items():
        sent = await sent_alone(shown, api, query)
        ((statements, _, _),) = shown.operations()[name]
        printed = [sql for count, sql in shown.statements() for _ in range(count)]
        assert sorted(printed) == sorted(sent), name
        assert statements == len(sent), name
        assert (statements > 0) == (name != "Nothing"), name


async def test_operations_that_run_at_once_count_for_themselves(shown: Shown) -> None:
    api = await filled(shown.server)
    alone = {}
    for name, query in OPERATIONS.items():
        shown.forget()
        await api.ask(query)
        (alone[name],) = shown.operations()[name]
    assert alone["Missing"][2] == "NOT_FOUND"
    assert len({statements for statements, _, _ in alone.values()}) > 3
    shown.forget()
    reading = {name: query for name, query in OPERATIONS.items() if name != "Create"}
    # Three projects now, so rows of the lists are counted anew first.
    for query in reading.values():
        await api.ask(query)
    alone |= {name: seen[0] for name, seen in shown.operations().items()}
    shown.forget()
    await asyncio.gather(*(api.ask(query) for _ in range(15) for query in reading.values()))
    for name in reading:
        assert shown.operations()[name] == [alone[name]] * 15, name
    shown.forget()
    await asyncio.gather(*(api.ask(OPERATIONS["Create"]) for _ in range(15)))
    assert shown.operations()["Create"] == [alone["Create"]] * 15


async def test_a_subscription_shows_its_start_and_its_end(shown: Shown) -> None:
    api = shown.server.user()
    made = await api.do("createProjectWithMessage", "{ reply { id } }", content="Hello")
    shown.forget()
    async with api.listen(WATCHED, id=made["reply"]["id"]):

        async def started() -> bool:
            found = any("Watched started" in line for line in shown.lines())
            return found and any("FROM message t" in sql for sql, _ in shown.server.statements)

        await eventually(started)
        assert not shown.operations()["Watched"]

    async def ended() -> bool:
        return len(shown.operations()["Watched"]) == 1

    await eventually(ended)
    assert shown.operations()["Watched"][0][0] > 0


async def test_what_is_refused_is_shown_with_its_code(shown: Shown) -> None:
    api = shown.server.nobody()
    await api.ask("query Wrong { nothing }")
    await api.ask(OPERATIONS["Create"])
    assert shown.operations()["(no name)"] == [(0, 0, "VALIDATION_FAILED")]
    assert shown.operations()["Create"] == [(0, 0, "UNAUTHENTICATED")]


async def test_nothing_of_what_users_wrote_is_printed(shown: Shown) -> None:
    planted = "raspberry-jam"
    api = shown.server.user(planted)
    made = await api.do("createProjectWithMessage", "{ project { id } }", content=planted)
    literal = f'{{name: "{planted}", framework: VUE}}'
    await api.run(f"mutation {{ createProject(input: {literal}) {{ project {{ id }} }} }}")
    await api.ask("query($id: ID!) { node(id: $id) { id } }", id=f"prj_{planted}")
    await api.ask(f'{{ node(id: "{planted}") {{ id }} }} # {planted}')
    await api.ask(f"query {{ {planted.replace('-', '_')} }}")
    await api.run("query($id: ID!) { node(id: $id) { id } }", id=made["project"]["id"])
    output = shown.output.getvalue()
    assert "INSERT INTO" in output
    assert "raspberry" not in output
    assert made["project"]["id"] not in output
