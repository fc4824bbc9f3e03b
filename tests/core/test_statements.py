"""How many statements an operation sends: a number of its own, whatever the length of its lists.

Counted are all statements of the request. Reads open no transaction; `AUTHENTICATION` is the one
statement that reads the user's state; what the background sends meanwhile is told by its text.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import asyncpg
import pytest
from graphql import get_named_type, is_object_type

from app.postgres import EmbeddedPostgres
from graphql_schema.core.record_type import MODELS, definition_of
from graphql_schema.schema import graphql_core_schema
from models.accounts.org_members import OrgMember
from models.accounts.orgs import Org
from models.base import Record
from models.builder.fragments import Fragment
from models.builder.imports import Import
from models.chat.conversations import Conversation
from models.chat.deletion import DeletionJob
from models.chat.messages import Message
from models.chat.projects import Project
from tests.harness.all_fields import (
    OF_A_LINK,
    connection,
    everything,
    nodes_query,
    record_types,
    scalars,
    shared_query,
)
from tests.harness.api import Api, Server, StartServer
from tests.harness.filled import filled_database
from tests.harness.filling import Filling, Size
from tests.harness.filling_sharing import token_of
from tests.harness.plans import MODES, replay

AUTHENTICATION = 1

# Of each type: what finds the rows, and one statement for each relation, for all the rows. A
# preview attachment is found by two, as it is the newest of the newest message.
TYPES = {
    "Account": 1,
    "ApiToken": 1,
    "AuditLog": 1,
    "Org": 1 + 3,  # members, projects, audit logs
    "OrgMember": 1 + 2,  # organisation, person
    "Person": 2,  # by the member
    "AgentRun": 1 + 3,  # project, message, fragment
    "Attachment": 1 + 2,  # message, import
    "BillingSubscription": 1,
    # Organisation, project, messages, share links, latest message.
    "Conversation": 1 + 5,
    "Deletion": 1 + 2,  # organisation, conversation
    "Feedback": 1,
    "FileSnapshot": 1 + 1,  # project
    "Fragment": 1 + 1,  # message
    "FragmentDraft": 1 + 1,  # project
    "Import": 1 + 3,  # project, message, fragment
    "Invoice": 1,
    # conversation, project, fragment, attachments, calls, parent, source, ratings, siblings
    "Message": 1 + 9,
    "MessageFeedback": 1 + 1,  # message
    "Model": 0,  # from the settings
    "OAuthGrant": 1,
    "PendingSubscription": 1,
    "PolarCustomer": 1,
    # Organisation, conversation, messages, conversations, draft, runs, latest files, history and
    # imports; then the preview.
    "Project": 1 + 9 + 2,
    "RateLimit": 1,
    "AnonymousUsage": 1,
    "CreditBudget": 1,
    "CreditEntry": 1,
    "CreditReservation": 1,
    "Session": 1,
    "ShareLink": 1 + 1,  # conversation
    "SharedAttachment": 3,  # by the link and its messages
    "SharedConversation": 1 + 2,  # heading, messages
    "SharedHeading": 2,  # by the link
    "SharedMessage": 2 + 1,  # attachments
    "ShowcaseProject": 1,
    "StoredFile": 1,
    "ToolCall": 1 + 1,  # message
    "Usage": 1,
    "UsageEvent": 1,
    "User": 1,
    "UserKey": 1,
    "UserPreferences": 1,
    "Verification": 1,
    "WebhookEvent": 1,
}
QUERIES = {
    "accessExplain": ('(id: "{project}")', 2),
    "conversation": ('(id: "{conversation}")', 1),
    "conversations": ("", 1),
    "deletion": ('(id: "{deletion}")', 1),
    "deletions": ("", 1),
    "pinnedConversations": ("", 1),
    "archivedConversations": ("", 1),
    "searchConversations": ('(words: "talk")', 1),
    "searchMessages": ('(words: "message")', 1),
    "accounts": ("", 1),
    "apiTokens": ("", 1),
    "auditLogs": ("", 1),
    "org": ('(id: "{org}")', 1),
    "orgBySlug": ('(slug: "orchard")', 1),
    "orgMemberships": ("", 1),
    "fragment": ('(id: "{fragment}")', 1),
    "import": ('(id: "{import_}")', 1),
    "imports": ("", 1),
    "projectDownload": ('(id: "{project}")', 1),
    "me": ("", 1),
    "message": ('(id: "{message}")', 1),
    "models": ("", 0),
    "node": ('(id: "{project}")', 1),
    "nodes": ('(ids: ["{project}", "{message}", "{fragment}", "{project}"])', 3),
    "oauthConnections": ("", 1),
    "pendingSubscriptions": ("", 1),
    "polarCustomer": ("", 1),
    "preferences": ("", 1),
    "rateLimits": ("", 1),
    "anonymousUsages": ("", 1),
    "actionLimits": ("", 1),
    "budget": ("", 1),
    "creditBalances": ('(since: "2026-01-01T00:00:00.000Z", until: "2026-01-02T00:00:00.000Z")', 1),
    "creditEntries": ("", 1),
    "creditReservations": ("", 1),
    "usageLimits": ("", 0),  # nothing is limited in tests
    "session": ("", 0),  # a token of another kind has none
    "sessions": ("", 1),
    "subscriptions": ("", 1),
    "usage": ("", 1),
    "plan": ("", 1),
    "failedWebhookEvents": ("", 1),
    "usageEvents": ("", 1),
    "usageTotals": ("", 1),
    "invoices": ("", 1),
    "userKeys": ("", 1),
    "verifications": ("", 1),
    "webhookEvents": ("", 1),
    "feedback": ("", 1),
    "sharedConversation": ('(token: "live {conversation}")', 1),
    "pendingAgentRuns": ('(projectId: "{project}")', 1),
    "project": ('(id: "{project}")', 1),
    "projects": ("", 1),
    "showcaseProjects": ("", 1),
}
MEMBER = "... on OrgMember { person { %s } }"
LENGTHS = (1, 3, 20)
WORDS = {
    "conversation": Conversation, "project": Project, "message": Message, "fragment": Fragment,
    "import_": Import,
    "org": Org, "deletion": DeletionJob,
}  # fmt: skip
SIZE = Size(owners=2, projects=25, messages=40, more=1, visitors=0)

Count = Callable[[Awaitable[Any]], Awaitable[int]]


@pytest.fixture(scope="module")
def full(postgres: EmbeddedPostgres, template_database: str) -> Iterator[tuple[str, Filling]]:
    """The address of a database of two owners, each with 25 projects of 40 messages."""
    with filled_database(postgres, template_database, SIZE) as (name, filling):
        yield postgres.url(name), filling


@pytest.fixture
def filling(full: tuple[str, Filling]) -> Filling:
    return full[1]


@pytest.fixture
async def server(full: tuple[str, Filling], start_server: StartServer) -> Server:
    return await start_server(url=full[0], worker=False)


@pytest.fixture(scope="module")
def idle() -> set[str]:
    """What a server sends that starts and then waits, filled by the first test that counts."""
    return set()


@pytest.fixture
async def count(server: Server, idle: set[str]) -> Count:
    """Counts the statements of a request; those of an idle server are no part of it."""
    if not idle:
        await asyncio.sleep(1)
        idle.update(sql for sql, _ in server.statements)

    async def counted(request: Awaitable[Any]) -> int:
        server.statements.clear()
        await request
        sent = [sql for sql, _ in server.statements if sql not in idle]
        return len(sent) - AUTHENTICATION

    return counted


@pytest.fixture
def ada(server: Server) -> Api:
    return server.user("user-0")


def _ids(filling: Filling, table: type[Record]) -> list[str]:
    return filling.of(table, filling.users[0])


def _tables() -> dict[str, type[Record]]:
    return {definition_of(made).name: model for made, model in MODELS.items()}


def test_every_type_and_query_has_its_number() -> None:
    schema = graphql_core_schema()
    roots = [schema.query_type, schema.mutation_type, schema.subscription_type]
    envelopes = {
        get_named_type(field.type).name
        for root in roots[1:]
        for field in root.fields.values()  # type: ignore[union-attr]
    }
    plain = {
        name
        for name, kind in schema.type_map.items()
        if is_object_type(kind)
        and kind not in roots
        and not name.startswith("__")
        # The parts of a page are read with it.
        and not {"edges", "cursor", "endCursor"} & set(kind.fields)
    }
    plain -= {"AccessExplanation", "AccessStep"}  # values of one query, which is counted
    plain -= {one.name for one in schema.type_map["MessagePart"].types}  # type: ignore[attr-defined]
    plain -= {"UploadRequest", "UploadHeader"}  # which no row is read for
    # Values of one query.
    plain -= {"UsageLimits", "UsageLimit", "CreditBalance", "ActionLimit", "ProjectDownload"}
    plain -= {"GitHubRepositoryPage", "GitHubRepository"}  # which GitHub tells
    plain -= {"UsageTotals", "UsageTotal", "Plan"}  # the same
    assert plain - envelopes == set(TYPES)
    queries = set(schema.query_type.fields)  # type: ignore[union-attr]
    assert queries == QUERIES.keys() | {"githubRepositories"}  # which GitHub answers


async def test_types_with_all_their_relations(filling: Filling, ada: Api, count: Count) -> None:
    found = {"Model": [await count(ada.run("{ models { id provider tier } }"))] * 3}
    for name, kind in record_types().items():
        query = nodes_query(name, everything(kind, first=4))
        known = filling.users * 10 if name == "User" else _ids(filling, _tables()[name])
        known = known[1:] if name == "Message" else known  # the first one follows nothing
        lists: list[dict[str, Any]] = [{"ids": known[:length]} for length in LENGTHS]
        if name == "ShowcaseProject":
            page = connection(kind_of_page())
            query = f"query($n: Int!) {{ showcaseProjects(first: $n) {{ {page} }} }}"
            lists = [{"n": length} for length in LENGTHS]
        if name == "Person":
            query = f"query($ids: [ID!]!) {{ nodes(ids: $ids) {{ {MEMBER % scalars(kind)} }} }}"
            lists = [{"ids": _ids(filling, OrgMember)[:length]} for length in LENGTHS]
        queries = [query] * len(LENGTHS)
        if name in OF_A_LINK:
            lists = [{"token": token_of(_ids(filling, Conversation)[0])}] * len(LENGTHS)
            queries = [shared_query(name, everything(kind), length) for length in LENGTHS]
        asked = zip(queries, lists, strict=True)
        found[name] = [await count(ada.run(text, **variables)) for text, variables in asked]
    assert found == {name: [number] * 3 for name, number in TYPES.items()}


def kind_of_page() -> Any:
    """The connection of the showcase."""
    query = graphql_core_schema().query_type
    return get_named_type(query.fields["showcaseProjects"].type)  # type: ignore[union-attr]


async def test_queries_by_themselves(filling: Filling, ada: Api, count: Count) -> None:
    found = {}
    for name, (given, _) in QUERIES.items():
        arguments = given
        for word, table in WORDS.items():
            arguments = arguments.replace(f"{{{word}}}", _ids(filling, table)[0])
        found[name] = await count(ada.run(f"{{ {name}{arguments} {{ __typename }} }}"))
    assert found == {name: number for name, (_, number) in QUERIES.items()}


async def test_the_page_of_a_project(filling: Filling, ada: Api, count: Count) -> None:
    page = """query($id: ID!) { project(id: $id) { name messages(first: 30) { nodes {
      content fragment { files } attachments { url } } } } }"""
    shown = await ada.run(page, id=_ids(filling, Project)[0])
    nodes = shown["project"]["messages"]["nodes"]
    assert len(nodes) == 30
    assert sum(node["fragment"] is not None for node in nodes) > 10
    assert sum(len(node["attachments"]) for node in nodes) > 20
    # The project, its messages, their fragments, their attachments.
    assert await count(ada.run(page, id=_ids(filling, Project)[0])) == 4


async def test_the_list_of_projects(ada: Api, count: Count) -> None:
    page = """{ projects(first: 20) { nodes { name previewAttachment { url }
      messages(last: 5) { nodes { content } } } pageInfo { hasNextPage endCursor } } }"""
    shown = (await ada.run(page))["projects"]["nodes"]
    assert [len(node["messages"]["nodes"]) for node in shown[1:]] == [5] * 19
    # The projects, the newest message of each, its newest image, the last five messages.
    assert await count(ada.run(page)) == 4


async def test_each_path_is_one_statement(filling: Filling, ada: Api, count: Count) -> None:
    crossed = """query($a: ID!, $b: ID!) {
      a: project(id: $a) { messages(first: 9) { nodes { project { name } } } }
      b: project(id: $b) { messages(first: 9) { nodes { id conversation { title } } } } }"""
    first, second = _ids(filling, Project)[:2]
    # Of each alias the project, its messages, and what these lead to.
    assert await count(ada.run(crossed, a=first, b=second)) == 3 + 3


async def test_a_signed_out_request_sends_nothing(server: Server, count: Count) -> None:
    query = '{ me { id } projects { nodes { id } } node(id: "x") { id } models { id } }'
    assert await count(server.nobody().run(query)) == -AUTHENTICATION


async def test_the_smallest_mutation(filling: Filling, ada: Api, count: Count) -> None:
    renamed = ada.do(
        "updateProject", "{ project { name } }", id=_ids(filling, Project)[0], name="New name"
    )
    # BEGIN, the locked project, its UPDATE, the event log, COMMIT.
    assert await count(renamed) == 5


FEW, LISTED, LONG = 100, 50_000, 100_000
LISTS = """{ conversations { nodes { title latestMessage { preview } } }
  pinnedConversations { nodes { title } } archivedConversations { nodes { title } } }"""
BRANCH = """query($id: ID!, $after: String, $before: String, $first: Int, $last: Int) {
  it: conversation(id: $id) { messages(first: $first, after: $after, last: $last,
    before: $before) { nodes { id parentId siblings { id } } pageInfo { endCursor } } } }"""
MANY = """\
INSERT INTO conversation (id, created_at, updated_at, owner_id, user_id, main, title, public,
    pinned, status, last_order_id)
SELECT 'cnv_1' || lpad(n::text, 25, '0'), now(), now() + n * interval '1 ms', $1, $1, false, 'Many',
    false, false, 'active', 0
FROM generate_series($2::int, $3::int) n RETURNING id"""
DEEP = """\
INSERT INTO message (id, created_at, updated_at, owner_id, conversation_id, user_id, role, type,
    status, content, order_id, parent_id, branch_index, selected, on_branch, content_epoch)
SELECT $2 || '_' || n || '_' || v, now(), now(), $1, $2, $1, 'USER', 'RESULT', 'COMPLETE', 'Deep',
    2 * n - v, CASE WHEN n > 1 THEN $2 || '_' || n - 1 || '_0' END, v, v = 0, v = 0, 0
FROM generate_series(1, $3::int / 2) n, generate_series(0, 1) v"""

Cost = Callable[[Awaitable[Any]], Awaitable[tuple[int, list[float]]]]


@pytest.fixture
def cost(full: tuple[str, Filling], server: Server, count: Count, idle: set[str]) -> Cost:
    """What a request costs: its statements, and the rows they read with either kind of plan."""

    async def costed(request: Awaitable[Any]) -> tuple[int, list[float]]:
        statements = await count(request)
        sent = [one for one in server.statements if one[0] not in idle]
        plans = [await replay(full[0], sent, mode) for mode in MODES]
        return statements, [sum(scan.reads for plan in of for scan in plan.scans) for of in plans]

    return costed


@pytest.fixture
async def there(full: tuple[str, Filling]) -> AsyncIterator[asyncpg.Connection]:
    """A connection to the filled database that no server knows of."""
    connection = await asyncpg.connect(full[0])
    yield connection
    await connection.close()


async def test_the_first_page_of_many_conversations_costs_what_it_does_of_few(
    filling: Filling, there: asyncpg.Connection, ada: Api, cost: Cost
) -> None:
    await there.execute(MANY, filling.users[0], 1, FEW)
    few = await cost(ada.run(LISTS))
    await there.execute(MANY, filling.users[0], FEW + 1, LISTED)
    await there.execute("ANALYZE conversation")
    shown = (await ada.run(LISTS))["conversations"]["nodes"]
    assert [one["title"] for one in shown] == ["Many"] * 20
    statements, rows = await cost(ada.run(LISTS))
    # The three lists, and the latest message of each of the first.
    assert statements == few[0] == 4
    assert rows == few[1]
    assert max(rows) < 200


async def test_a_page_of_a_large_tree_costs_what_it_does_of_a_small_one(
    filling: Filling, there: asyncpg.Connection, ada: Api, cost: Cost
) -> None:
    made = await there.fetch(MANY, filling.users[0], LISTED + 1, LISTED + 2)
    small, large = (row["id"] for row in made)
    await there.execute(DEEP, filling.users[0], small, FEW)
    await there.execute(DEEP, filling.users[0], large, LONG)
    await there.execute("ANALYZE message")
    first = (await ada.run(BRANCH, id=large, first=40))["it"]["messages"]
    assert first["nodes"][39]["siblings"] == [{"id": f"{large}_40_{v}"} for v in (0, 1)]
    for window in ({"first": 40}, {"last": 40}, {"first": 9, "after": 1}, {"last": 9, "before": 1}):
        costs = [await cost(ada.run(BRANCH, id=id, **await _at(ada, id, window)))
                 for id in (small, large)]  # fmt: skip
        # The conversation, the page, the siblings of all on it.
        assert [statements for statements, _ in costs] == [3, 3]
        assert costs[0] == costs[1]
        assert max(costs[1][1]) < 6 * 40


async def _at(ada: Api, id: str, window: dict[str, Any]) -> dict[str, Any]:
    """A window whose cursor, if it has one, is the 40th message's of this conversation."""
    shown = await ada.run(BRANCH, id=id, first=40)
    end = shown["it"]["messages"]["pageInfo"]["endCursor"]
    return {name: end if name in ("after", "before") else value for name, value in window.items()}
