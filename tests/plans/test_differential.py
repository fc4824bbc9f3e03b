"""Plans answer what graphql-core answers: the same bytes of data, the same set of errors."""

from __future__ import annotations

import json

import pytest

from models.viewer import Viewer
from tests.harness.filling import Filling
from tests.plans.differential import Both
from tests.plans.faults import broken_schema
from tests.plans.fitting import fitted

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
    "computed": """{ projects(first: 3) { nodes { agentRuns(first: 30) {
      nodes { id phase shown: phase status } edges { node { phase } } } } } }""",
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
        assert not both.left["a defect"]


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
    assert [json.loads(error)["extensions"]["code"] for error in plain.errors] == ["INVALID"]


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


async def test_a_cursor_below_several_parents(both: Both, viewers: list[Viewer]) -> None:
    """It is that of the first parent; the others have to refuse it."""
    asked = """{ projects(first: 5) { edges { cursor node {
      messages(first: 1) { pageInfo { endCursor } } } } } }"""
    planned, _ = await both.answers(asked, viewers[0])
    edges = json.loads(planned.data)["projects"]["edges"]
    cursors = [edge["node"]["messages"]["pageInfo"]["endCursor"] for edge in edges]
    place = next(n for n, cursor in enumerate(cursors) if n and cursor)
    document = f"""{{ projects(first: 2, after: "{edges[place - 1]["cursor"]}") {{ nodes {{
      messages(after: "{cursors[place]}") {{ nodes {{ id }} }} }} }} }}"""
    planned, plain = await both.answers(document, viewers[0])
    assert planned.same_as(plain)
    assert plain.errors


async def test_a_list_that_is_null_is_an_error(both: Both, viewers: list[Viewer]) -> None:
    broken = Both(both.ports, broken_schema())
    planned, plain = await broken.answers("{ me { id } models { id } }", viewers[0])
    assert planned == plain
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


async def test_two_operations_of_a_document(both: Both, viewers: list[Viewer]) -> None:
    document = "query A { me { ...U id } } query B { me { ...U } } fragment U on User { name }"
    for name in ("A", "B", "A"):
        planned, plain = await both.answers(document, viewers[0], name=name)
        assert planned == plain
        assert (b'"id"' in planned.data) is (name == "A")
    assert both.left == {}


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
