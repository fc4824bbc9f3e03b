"""Every statement finds its rows by an index, and reads hardly more than it returns.

Proven on a filled database of 200 owners, by the plans that PostgreSQL really followed: with the
values of the arguments known to the planner, and with the plan that serves any values.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import asyncpg
import pytest

from app.postgres import EmbeddedPostgres
from graphql_schema.core.record_type import MODELS, definition_of
from graphql_schema.schema import graphql_core_schema
from models.catalogue import tables
from models.chat.projects import Project
from models.packages import record_models
from tests.core.scenes import Verbs
from tests.harness.all_fields import connection, everything, record_types
from tests.harness.api import Server, StartServer
from tests.harness.filling import Filling, fill
from tests.harness.plans import Plan, Statement, replay

SMALL, BIG = 7, 0  # two of the owners


@dataclass(frozen=True, slots=True)
class Exempt:
    """A statement that may read more; `most` rows of a table, or any number where it is None."""

    sql: str
    table: str
    why: str
    most: int | None = None
    whole: bool = False

    def covers(self, plan: Plan, complaint: str) -> bool:
        """Whether it allows what a plan does."""
        if self.sql not in plan.sql or f" on {self.table} " not in f"{complaint} ":
            return False
        if complaint.endswith("without Index Cond"):
            return self.whole
        reads = max(scan.reads for scan in plan.scans if scan.table == self.table)
        return self.most is None or reads <= self.most


EXEMPT = ()


@dataclass(frozen=True, slots=True)
class Full:
    """A filled database to use, and a copy that stays as it is."""

    url: str
    copy: str
    filling: Filling

    def ids(self, table: type, owner: int) -> list[str]:
        """The ids of an owner's rows."""
        return self.filling.ids[table][self.filling.users[owner]]


@pytest.fixture(scope="module")
def full(postgres: EmbeddedPostgres, template_database: str) -> Iterator[Full]:
    """The filled database and its copy, made once for this module."""
    names = [f"full_{uuid.uuid4().hex}" for _ in range(2)]
    postgres.create_database(names[0], template_database)
    with ThreadPoolExecutor(1) as thread:  # pytest-asyncio has a loop of its own in this one
        filling = thread.submit(asyncio.run, fill(postgres.url(names[0]))).result()
    postgres.create_database(names[1], names[0])
    yield Full(*(postgres.url(name) for name in names), filling)
    for name in names:
        postgres.drop_database(name)


@pytest.fixture
async def served(full: Full, start_server: StartServer) -> Server:
    """A server without a worker on the filled database."""
    return await start_server(url=full.url, worker=False)


async def test_every_table_is_filled(full: Full) -> None:
    there = await asyncpg.connect(full.url)
    rows = {name: await there.fetchval(f"SELECT count(*) FROM {name}") for name in tables()}
    await there.close()
    assert {name for name, count in rows.items() if count < 200} == set()
    assert set(full.filling.ids) == set(record_models())


async def test_reads_go_by_an_index(full: Full, served: Server) -> None:
    for owner in (SMALL, BIG):
        await _read_everything(full, served, owner)
    await _judge(full.copy, served.statements)


async def _read_everything(full: Full, served: Server, owner: int) -> None:
    api = served.user(f"user-{owner}")
    tables_of = {definition_of(made).name: model for made, model in MODELS.items()}
    for name, kind in record_types().items():
        if not kind.interfaces:
            continue
        query = f"query($ids: [ID!]!) {{ nodes(ids: $ids) {{ ... on {name} {{ {everything(kind)} }} }} }}"
        for count in (1, 30):
            ids = full.ids(tables_of[name], owner)[:count]
            found = await api.run(query, ids=ids)
            assert [node is not None for node in found["nodes"]] == [True] * len(ids)
    fields = graphql_core_schema().query_type.fields  # type: ignore[union-attr]
    for name in ("projects", "showcaseProjects", "pendingAgentRuns"):
        of = f'projectId: "{full.ids(Project, owner)[0]}", ' if name == "pendingAgentRuns" else ""
        page = connection(fields[name].type.of_type)
        for window in ("first: 1", "first: 20", "last: 20"):
            here = (await api.run(f"{{ it: {name}({of}{window}) {{ {page} }} }}"))["it"]
        for window in ("first: 10, after", "last: 10, before"):
            cursor = here["edges"][len(here["edges"]) // 2]["cursor"]
            await api.run(f'{{ it: {name}({of}{window}: "{cursor}") {{ {page} }} }}')
    await api.run("{ me { id } models { id } }")


async def test_writes_go_by_an_index(full: Full, served: Server) -> None:
    verbs = Verbs(served, full.filling)
    await verbs.all()
    assert set(verbs.called) == set(graphql_core_schema().mutation_type.fields)  # type: ignore[union-attr]
    await _judge(full.copy, served.statements)


async def _judge(url: str, statements: Sequence[Statement]) -> None:
    wrong: dict[str, None] = {}
    used: set[Exempt] = set()
    for mode in ("force_custom_plan", "force_generic_plan"):
        for plan in await replay(url, statements, mode):
            for complaint in plan.complaints():
                allowed = [one for one in EXEMPT if one.covers(plan, complaint)]
                used.update(allowed)
                if not allowed:
                    wrong[f"{complaint} ({mode}):\n{plan.sql}"] = None
    assert not wrong, "\n\n".join(wrong)
