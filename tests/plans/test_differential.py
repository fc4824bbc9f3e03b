"""Plans answer what graphql-core answers: the same bytes of data, the same set of errors."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from itertools import cycle

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis_graphql import nodes, queries

from app.postgres import EmbeddedPostgres
from graphql_schema.schema import sdl
from models.accounts.users import User
from models.packages import record_models
from models.permissions import Role, Scope, permissions_of
from models.viewer import SIGNED_OUT, Viewer, viewer_of
from tests.harness.api import StartServer
from tests.harness.filled import filled_database
from tests.harness.filling import Filling, Size
from tests.plans.differential import Both

EXAMPLES = 500
SIZE = Size(owners=3, projects=5, messages=8, conversations=2, more=2, visitors=2)
TABLES = [model.table() for model in record_models() if model.prefix in {"frg", "att", "msg"}]


@cache
def documents(examples: int) -> list[str]:
    """Random queries with `@3 prj` and the like for ids; the same in every run."""
    found: list[str] = []
    rows = st.tuples(st.integers(0, 9), st.sampled_from([m.prefix for m in record_models()]))
    scalars = {
        "ID": rows.map(lambda row: nodes.String(f"@{row[0]} {row[1]}")),
        "JSON": st.just(nodes.String("x")),
        "DateTime": st.just(nodes.String("2026-01-31T12:00:00.000Z")),
    }

    @settings(
        max_examples=examples,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(queries(sdl(), custom_scalars=scalars, allow_x00=False))
    def generate(document: str) -> None:
        found.append(document)

    generate()
    return found


@pytest.fixture(scope="module")
def filled(postgres: EmbeddedPostgres, template_database: str) -> Iterator[tuple[str, Filling]]:
    """A filled database, and what is in it."""
    with filled_database(postgres, template_database, SIZE) as (name, filling):
        yield postgres.url(name), filling


@pytest.fixture
async def both(start_server: StartServer, filled: tuple[str, Filling]) -> Both:
    """The two engines on the filled database."""
    server = await start_server(filled[0], worker=False)
    return Both(server.services.ports)


@pytest.fixture
def viewers(filled: tuple[str, Filling]) -> list[Viewer]:
    """The owner of most rows, somebody signed out, another owner, an operator, and members of
    organisations, one of whom is a script."""
    first, second = filled[1].users[:2]
    own, others = filled[1].orgs[0], filled[1].orgs[1:]
    roles = dict(zip(others, cycle(Role), strict=False)) | {own: Role.OWNER}
    scopes = permissions_of([Scope.READ])
    operator = filled[1].ids[User][filled[1].users[2]][0]
    return [
        viewer_of(first),
        SIGNED_OUT,
        viewer_of(first),
        viewer_of(second, anonymous=True),
        viewer_of(operator, operator=True),
        viewer_of(first, roles=roles),
        viewer_of(second, roles={own: Role.BILLING}),
        viewer_of(second, roles={own: Role.VIEWER}),
        viewer_of(first, roles=roles, within=scopes),
    ]


def fitted(document: str, filling: Filling) -> str:
    """A document with ids of rows that are there, and pages that are not refused."""
    ids = {
        model.prefix: [id for ids in owners.values() for id in ids]
        for model, owners in filling.ids.items()
    }

    def row(found: re.Match[str]) -> str:
        known = ids.get(found[2], [])
        return known[int(found[1]) % len(known)] if known else "nothing"

    return re.sub(
        r"\b(first|last): -?\d+", lambda m: f"{m[1]}: {int(m[0].split()[1]) % 12}",
        re.sub(r"@(\d) (\w+)", row, document),
    )  # fmt: skip


async def test_random_queries(
    both: Both, filled: tuple[str, Filling], viewers: list[Viewer]
) -> None:
    told = 0
    for document, viewer in zip(documents(EXAMPLES), cycle(viewers), strict=False):
        planned, plain = await both.answers(fitted(document, filled[1]), viewer)
        assert planned == plain, document
        told += len(planned.data) > 40
    # Else they would not get far enough to find a difference.
    assert told > EXAMPLES // 3
    assert sum(both.left.values()) < EXAMPLES // 2, both.left


@pytest.mark.parametrize("table", TABLES)
async def test_random_queries_while_a_table_fails(
    both: Both, filled: tuple[str, Filling], viewers: list[Viewer], table: str
) -> None:
    broken, failed = both.failing(table), 0
    for document in documents(EXAMPLES // 20):
        planned, plain = await broken.answers(fitted(document, filled[1]), viewers[0])
        assert planned.same_as(plain), (document, planned, plain)
        failed += bool(plain.errors)
    assert failed


EVERYWHERE = """
  id name framework createdAt __typename
  previewAttachment { url message { content } }
  latestFiles { files } draft { files framework project { name } }
  conversation { id title main status }
"""
NASTY = {
    "aliases and merged fields": """{ a: projects(first: 2) { nodes { x: id x: id name } }
      b: projects(first: 1, last: null) { nodes { id } }
      a: projects(first: 2) { nodes { kind } } }""",
    "everything": f"{{ projects(first: 3) {{ nodes {{ {EVERYWHERE} }} }} }}",
    "pages in pages": """{ projects(first: 3) { pageInfo { hasNextPage endCursor startCursor
      hasPreviousPage __typename } edges { cursor node { messages(last: 3) { __typename
        edges { __typename cursor node { id orderId attachments { url } fragment { title } } }
        nodes { role } pageInfo { hasPreviousPage } } } } } }""",
    "fragments": """query { ...Q } fragment Q on Query { me { ...U } node(id: "@0 prj") { ...N } }
      fragment U on User { id ...N name } fragment N on Node { id __typename
        ... on Project { name messages(first: 1) { nodes { ...N } } } ... on User { email } }""",
    "interfaces": """{ nodes(ids: ["@0 prj", "@1 msg", "@2 frg", "@0 prj", "nothing", "@3 run"]) {
      __typename id ... on Message { content project { id } } ... on Project { name }
      ... on Fragment { files metadata } ... on AgentRun { phase outcome heldAt } } }""",
    "no such thing": """{ project(id: "prj_1") { id } message(id: "@0 prj") { id }
      node(id: "") { id } }""",
    "bad pages": "{ projects(first: 101) { nodes { id } } }",
    "two sizes": "{ projects(first: 1, last: 1) { nodes { id } } me { id } }",
    "a foreign cursor": '{ projects(after: "x") { nodes { id } } }',
    "an error far down": """{ me { id } projects(first: 2) { nodes { name
      messages(first: 200) { nodes { id } } } } }""",
    "nothing asked of": """{ projects(first: 0) { nodes { id } edges { cursor }
      pageInfo { endCursor } } }""",
    "nothing left of an edge": "{ projects(first: 2) { edges { cursor @skip(if: true) } } }",
    "typenames only": "{ __typename projects { __typename nodes { __typename } } }",
    "introspection": '{ __type(name: "Project") { name } me { id } }',
    "models": "{ models { id tier __typename } }",
    "operators": """{ webhookEvents(first: 2) { nodes { eventId payload status } }
      rateLimits(last: 2) { nodes { key limit windowMs } }
      pendingSubscriptions { nodes { id } } }""",
    "billing": """{ usage { points planType expire }
      subscriptions { nodes { status interval metadata } }
      polarCustomer { polarCustomerId } oauthConnections { provider hasAccessToken metadata } }""",
}  # fmt: skip


@pytest.mark.parametrize("name", NASTY)
async def test_nasty_queries(
    both: Both, filled: tuple[str, Filling], viewers: list[Viewer], name: str
) -> None:
    for viewer in viewers:
        planned, plain = await both.answers(fitted(NASTY[name], filled[1]), viewer)
        assert planned == plain


CONDITIONS = """query ($a: Boolean!, $b: Boolean = true) { me @include(if: $b) { id
  name @skip(if: $a) ... @include(if: $a) { email anonymous } }
  ...P @skip(if: $a) projects(first: 2) @include(if: $b) { nodes { name @include(if: false) id } } }
  fragment P on Query { projects(first: 2) { nodes { kind @skip(if: $b) } } }"""


@pytest.mark.parametrize(
    "given", [{"a": a, **b} for a in (True, False) for b in ({}, {"b": True}, {"b": False})]
)
async def test_skip_and_include(both: Both, viewers: list[Viewer], given: dict[str, bool]) -> None:
    planned, plain = await both.answers(CONDITIONS, viewers[0], given)
    assert planned == plain
    assert both.left == {}


async def test_a_null_condition_is_an_error(both: Both, viewers: list[Viewer]) -> None:
    planned, plain = await both.answers(CONDITIONS, viewers[0], {"a": True, "b": None})
    assert planned == plain
    assert plain.errors


async def test_more_conditions_than_are_kept(both: Both, viewers: list[Viewer]) -> None:
    names = "abcdef"
    document = (
        f"query ({', '.join(f'${n}: Boolean!' for n in names)}) "
        f"{{ me {{ {' '.join(f'{n}: name @skip(if: ${n})' for n in names)} }} }}"
    )
    for number in range(2 ** len(names)):
        given = {n: bool(number >> place & 1) for place, n in enumerate(names)}
        planned, plain = await both.answers(document, viewers[0], given)
        assert planned == plain


async def test_a_cursor_below_several_parents(
    both: Both, filled: tuple[str, Filling], viewers: list[Viewer]
) -> None:
    first = '{ project(id: "@0 prj") { messages(first: 1) { pageInfo { endCursor } } } }'
    planned, _ = await both.answers(fitted(first, filled[1]), viewers[0])
    cursor = json.loads(planned.data)["project"]["messages"]["pageInfo"]["endCursor"]
    page = f'messages(after: "{cursor}") {{ nodes {{ id }} }}'
    document = f"""{{ one: project(id: "@0 prj") {{ {page} }}
      all: projects(first: 3) {{ nodes {{ {page} }} }} }}"""
    planned, plain = await both.answers(fitted(document, filled[1]), viewers[0])
    assert planned.same_as(plain)
    assert plain.errors


async def test_fragments_that_multiply_are_left(
    both: Both, filled: tuple[str, Filling], viewers: list[Viewer]
) -> None:
    parts = [
        f"fragment P{n} on Project {{ "
        + " ".join(f"a{k}: conversation {{ project {{ ...P{n + 1} }} }}" for k in range(3))
        + " }"
        for n in range(3)
    ]
    parts += ['query { project(id: "@0 prj") { ...P0 } }', "fragment P3 on Project { id }"]
    document = " ".join(parts)
    planned, plain = await both.answers(fitted(document, filled[1]), viewers[0])
    assert planned == plain
    assert both.left == {"too many relations": 1}


VARIABLES = """query ($id: ID!, $first: Int = 2, $last: Int, $after: String) {
  project(id: $id) { messages(first: $first, last: $last, after: $after) {
    nodes { content } pageInfo { endCursor } } } }"""


@pytest.mark.parametrize(
    "given", [{}, {"first": 1}, {"first": None}, {"first": None, "last": 2}, {"after": "x"},
              {"first": -1}]
)  # fmt: skip
async def test_variables(
    both: Both, filled: tuple[str, Filling], viewers: list[Viewer], given: dict[str, object]
) -> None:
    id = fitted("@0 prj", filled[1])
    planned, plain = await both.answers(VARIABLES, viewers[0], {"id": id, **given})
    assert planned == plain
