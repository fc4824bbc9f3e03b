"""Every statement finds its rows by an index, and reads hardly more than it returns.

Proven on a filled database of 200 owners, by the plans that PostgreSQL really followed: with the
values of the arguments known to the planner, and with the plan that serves any values.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import asyncpg
import pytest

from app.postgres import EmbeddedPostgres
from graphql_schema.core.record_type import MODELS, definition_of
from graphql_schema.schema import graphql_core_schema
from models.accounts.orgs import Org
from models.catalogue import tables
from models.chat.messages import Message
from models.chat.projects import Project
from models.packages import record_models
from tests.core.scenes import Verbs
from tests.harness.all_fields import connection, everything, nodes_query, record_types
from tests.harness.api import Server, StartServer
from tests.harness.filled import filled_database
from tests.harness.filling import Filling
from tests.harness.plans import MODES, Plan, Scan, Statement, replay

pytestmark = pytest.mark.both_paths

SMALL, BIG = 7, 0  # two of the owners
LISTS = (
    "projects",
    "showcaseProjects",
    "conversations",
    "pinnedConversations",
    "archivedConversations",
    "deletions",
    "searchConversations",
    "searchMessages",
    "pendingAgentRuns",
    "imports",
    "subscriptions",
    "pendingSubscriptions",
    "rateLimits",
    "anonymousUsages",
    "creditEntries",
    "creditReservations",
    "webhookEvents",
    "verifications",
    "orgMemberships",
    "auditLogs",
    "apiTokens",
    "feedback",
    "usageEvents",
    "invoices",
)


BALANCES = """{ creditBalances(
  since: "2026-01-01T00:00:00.000Z", until: "2026-01-31T00:00:00.000Z") { spent } }"""
ARGUMENTS = {
    "invoices": 'org: "$org", ',
    "pendingAgentRuns": 'projectId: "$project", ',
    "searchConversations": 'words: "talk", ',
    "searchMessages": 'words: "message 2", ',
}


@dataclass(frozen=True, slots=True)
class Exempt:
    """A statement that may read up to `most` rows of a table, or the whole of an index.

    Every exemption must be needed, but for those that depend on when a reader polls, or on which
    of two equal plans is taken.
    """

    sql: str
    table: str
    why: str
    most: int = 0
    whole_index: bool = False
    by_chance: bool = False

    def covers(self, plan: Plan, scan: Scan) -> bool:
        """Whether it allows what a plan does."""
        if self.sql not in plan.sql or not scan.table.startswith(self.table):
            return False
        if scan.condition is None and not (self.whole_index and scan.kind == "Index Scan"):
            return False
        return scan.reads <= max(self.most, plan.bound)


READING = (
    *(
        Exempt(
            "AND numnode(websearch_to_tsquery", table, "a search reads all that one owner has", 100
        )
        for table in ("conversation", "message", "project")
    ),
    Exempt(
        "WHERE t.showcased AND t.deleted_at IS NULL ORDER BY",
        "project",
        "the partial index is the list itself, read from one of its ends up to the LIMIT",
        whole_index=True,
    ),
    *(
        Exempt(
            f"FROM {table} t WHERE 'system' = ANY(",
            table,
            "the list is the whole table, read from one of its index's ends up to the LIMIT",
            whole_index=True,
        )
        for table in (
            "anonymous_usage",
            "feedback",
            "pending_subscription",
            "rate_limit",
            "verification",
            "webhook_event",
        )
    ),
)
LATEST = 2_000  # events that the scenes write; the replay sees none of them, since they are its own
WRITING = (
    Exempt(
        "t.message_id = ANY (ARRAY(SELECT id FROM message WHERE conversation_id",
        "message",
        "looks for what is attached to discarded messages",
        10,
    ),
    *(
        Exempt(
            "SELECT count(*) FROM (SELECT 1 FROM",
            table,
            "counts once what a deletion is to remove",
            400,
        )
        for table in (
            "agent_run",
            "attachment",
            "file_snapshot",
            "fragment",
            "generation",
            "message",
            "tool_call",
        )
    ),
    *(
        Exempt(
            f"FROM generation t WHERE state = '{state}' AND owner_id = $1 AND user_id = $2",
            "generation",
            "what one member has running: a step for each answer of theirs",
            100,
            by_chance=True,
        )
        for state in ("RUNNING", "QUEUED", "AWAITING_APPROVAL")
    ),
    Exempt(
        "FROM org_member t WHERE org_id = $1",
        "org_member",
        "looks for some among the members of one organisation",
        10,
        by_chance=True,
    ),
    *(
        Exempt(
            "user_id IN (SELECT m.user_id FROM org_member m WHERE m.org_id = $1)",
            table,
            "what an organisation's members have running: a step for each member",
            most,
            by_chance=True,
        )
        for table, most in (("org_member", 10), ("generation", 100))
    ),
    *(
        Exempt(
            sql,
            table,
            "the index still has versions that this very transaction has replaced",
            50,
            by_chance=True,
        )
        for sql, table in (
            ("WHERE owner_id = $1 AND", "project"),
            ("WHERE owner_id = $1 AND", "conversation"),
            ("UPDATE project SET showcased", "project"),
        )
    ),
    Exempt(
        "FROM taken LEFT JOIN event_log",
        "event_log",
        "reads what is new in the log",
        LATEST,
        by_chance=True,
    ),
    Exempt(
        "FROM event_log e",
        "event_log",
        "reads what is new to one owner",
        LATEST,
        by_chance=True,
    ),
    Exempt(
        "SELECT 1 FROM ONLY",
        "message_conversation_id",
        "the foreign key's check passes by the rows that this very transaction has deleted",
        400,
        by_chance=True,
    ),
    Exempt(
        "IN (SELECT tw.id FROM message tw",
        "message",
        "what hangs on a guest's messages is found through them",
        400,
    ),
    Exempt(
        "WHERE showcased AND deleted_at IS NULL AND owner_id = $1",
        "project",
        "an erased user's projects are looked at for those that are shown",
        100,
        by_chance=True,
    ),
    Exempt(
        "message_id = $1 AND (state = 'AWAITING_APPROVAL') IS TRUE",
        "tool_call",
        "looks for one that waits among the calls of an answer, 96 at most",
        96,
    ),
    Exempt("(SELECT sum(length(text)) FROM", "message_chunk", "measures an answer's chunks", 30),
    Exempt(
        "FROM project_import t WHERE due_at <= $1 ORDER BY due_at, id",
        "project_import",
        "the partial index is the queue itself, read from its start up to the LIMIT",
        whole_index=True,
        by_chance=True,
    ),
    Exempt("SELECT part, kind, string_agg", "message_chunk", "joins the chunks of a part", 30),
    Exempt("FROM unnest($1::text[], $2::int[]", "message_chunk", "joins the unseen chunks", 30),
    Exempt(
        "WITH RECURSIVE waiting",
        "generation",
        "asks each waiting user for what may run: in all one step and nine rows for each of 200",
        200 * (1 + 9),
    ),
    Exempt(
        "message_id = ANY (ARRAY(SELECT m.id",
        "message",
        "a batch of a deletion empties the next 200 messages",
        200,
    ),
    Exempt(
        "message_id = ANY (ARRAY(SELECT m.id",
        "attachment",
        "sorts what the next 200 messages have: of that, one batch goes",
        200 * 20,
    ),
)


@dataclass(frozen=True, slots=True)
class Full:
    """A filled database, which stays as it is: servers use copies of it."""

    name: str
    url: str
    filling: Filling

    def ids(self, table: type, owner: int) -> list[str]:
        """The ids of an owner's rows."""
        return self.filling.of(table, self.filling.users[owner])


@pytest.fixture(scope="module")
def full(postgres: EmbeddedPostgres, template_database: str) -> Iterator[Full]:
    """The filled database, made once for this module."""
    with filled_database(postgres, template_database) as (name, filling):
        yield Full(name, postgres.url(name), filling)


@pytest.fixture
def copy(full: Full, postgres: EmbeddedPostgres) -> Iterator[str]:
    """The address of a copy of it."""
    name = f"{full.name}_copy"
    postgres.create_database(name, full.name)
    yield postgres.url(name)
    postgres.drop_database(name)


@pytest.fixture
async def served(copy: str, start_server: StartServer) -> Server:
    """A server without a worker on a copy."""
    return await start_server(url=copy, worker=False, max_cost=100_000)


async def test_every_table_is_filled(full: Full) -> None:
    there = await asyncpg.connect(full.url)
    rows = {name: await there.fetchval(f"SELECT count(*) FROM {name}") for name in tables()}
    await there.close()
    assert {name for name, count in rows.items() if count < 200} == set()
    assert set(full.filling.ids) == set(record_models())


async def test_reads_go_by_an_index(full: Full, served: Server) -> None:
    for owner in (SMALL, BIG):
        await _read_everything(full, served, owner)
    assert await _left_unplanned(served) == set(), "or one path was tested twice"
    alike: dict[str, list[Statement]] = {}
    for sql, args in served.statements:
        alike.setdefault(sql, []).append((sql, args))
    few = [one for group in alike.values() for one in (*group[:2], *group[2:][-2:])]
    await _judge(full.url, few, READING)


async def _left_unplanned(served: Server) -> set[str]:
    """Why operations were left to graphql-core by the compiler."""
    async with served.session.get(f"{served.url}/metrics") as response:
        text = await response.text()
    return set(re.findall(r'unplanned_operations_total\{reason="([^"]+)"', text))


async def _read_everything(full: Full, served: Server, owner: int) -> None:
    api = served.user(f"user-{owner}")
    await served.sql("UPDATE user_account SET operator = true WHERE clerk_id = $1", f"user-{owner}")
    served.statements.clear()
    tables_of = {definition_of(made).name: model for made, model in MODELS.items()}
    for name, kind in record_types().items():
        if not kind.interfaces:
            continue
        query = nodes_query(name, everything(kind, first=2))
        for count in (1, 90):
            ids = full.ids(tables_of[name], owner)[:count]
            found = await api.run(query, ids=ids)
            assert [node is not None for node in found["nodes"]] == [True] * len(ids)
    fields = graphql_core_schema().query_type.fields  # type: ignore[union-attr]
    org, project = full.ids(Org, owner)[0], full.ids(Project, owner)[0]
    for name in LISTS:
        of = ARGUMENTS.get(name, "").replace("$project", project).replace("$org", org)
        page = connection(fields[name].type.of_type)
        for window in ("first: 1", "first: 20", "last: 20"):
            here = (await api.run(f"{{ it: {name}({of}{window}) {{ {page} }} }}"))["it"]
        for window in ("first: 10, after", "last: 10, before"):
            cursor = here["edges"][len(here["edges"]) // 2]["cursor"]
            await api.run(f'{{ it: {name}({of}{window}: "{cursor}") {{ {page} }} }}')
    await api.run("{ me { id } models { id } usage { id } polarCustomer { id } }")
    await api.run("{ budget { id } usage { id } }")
    await api.run(BALANCES)
    await api.run("{ preferences { hiddenModels } me { favoriteModels } }")
    await api.run("{ oauthConnections { id } accounts { id } sessions { id } session { id } }")
    (row,) = await served.sql("SELECT slug FROM org WHERE id = $1", org)
    await api.run("query($s: String!) { orgBySlug(slug: $s) { id } }", s=row["slug"])
    await api.run("query($o: ID!) { projects(org: $o) { nodes { id } } }", o=org)
    totals = "usageTotals(org: $o, billingPeriod: $p, agentId: $a) { byModel { key costUsd } }"
    for whose, agent in ((None, None), (org, None), (org, "agent-1")):
        query = f"query($o: ID, $p: String, $a: ID) {{ {totals} }}"
        await api.run(query, o=whose, p="2026-01", a=agent)
    message = full.ids(Message, owner)[0]
    await api.run("query($i: ID!) { accessExplain(id: $i) { steps { says } } }", i=message)


async def test_writes_go_by_an_index(full: Full, served: Server) -> None:
    verbs = Verbs(served, full.filling)
    await verbs.all()
    assert set(verbs.called) == set(graphql_core_schema().mutation_type.fields)  # type: ignore[union-attr]
    await _judge(full.url, served.statements, WRITING)


async def _judge(url: str, statements: Sequence[Statement], exempt: Sequence[Exempt]) -> None:
    wrong: dict[str, str] = {}
    used: set[Exempt] = set()
    for mode in MODES:
        for plan in await replay(url, statements, mode):
            for scan in plan.beyond():
                allowed = [one for one in exempt if one.covers(plan, scan)]
                used.update(allowed)
                if not allowed:
                    wrong.setdefault(f"{scan.kind} {plan.sql}", f"{scan}, {mode}\n{plan}")
    assert not wrong, "\n\n".join(wrong.values())
    assert {one.why for one in exempt if not one.by_chance} <= {one.why for one in used}
