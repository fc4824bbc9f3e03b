"""Tokens, depth, aliases and cost of documents, against plain ways to count them."""

from contextlib import suppress
from typing import Any

import pytest
from graphql import (
    GraphQLField,
    GraphQLInt,
    GraphQLList,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLSyntaxError,
    OperationDefinitionNode,
    get_introspection_query,
)
from graphql.language import Lexer, Source, TokenKind
from hypothesis import given
from hypothesis import strategies as st

from graphql_schema.core.cost import INTROSPECTION_DEPTH, CostModel
from graphql_schema.core.limits import Limits, Measure, parse, scan, validate
from models.errors import ErrorCode, TooCostly
from tests.harness.example import example_schema

LIMITS = Limits()
MODEL = CostModel(example_schema(), LIMITS)


def measure(
    source: str, variables: dict[str, Any] | None = None, model: CostModel = MODEL
) -> Measure:
    document = parse(source, LIMITS)
    operation = document.definitions[0]
    assert isinstance(operation, OperationDefinitionNode)
    return model.meter(document, operation).measure(variables)


def cost(source: str, **variables: object) -> int:
    return measure(source, variables).cost


def lexed(source: str) -> int:
    lexer = Lexer(Source(source))
    while lexer.advance().kind is not TokenKind.EOF:
        pass
    count, token = 0, lexer.token.prev
    while token is not None and token.kind is not TokenKind.SOF:
        count, token = count + 1, token.prev
    return count


PIECES = ["a", "_b1", "12", "-3", "1.5", "2e3", "-1.5E-7", "...", "{", "}", "[", "]", "(", ")", "$",
          "!", ":", "=", "@", "|", "&", '""', '"x{"', '"\\""', '"\\\\"', '"# no"', '""""""',
          '"""a"""', '"""\n[ "" " \\""" """', "# c {[\n", "#\r", ",", "\n", "\ufeff"]  # fmt: skip


@given(st.lists(st.sampled_from(PIECES), max_size=30))
def test_scan_counts_what_the_lexer_reads(pieces: list[str]) -> None:
    source = " ".join(pieces)
    assert scan(source, LIMITS) == lexed(source)


@given(st.text(alphabet='{}[]()"\\#\n\r ,.-1ae!', max_size=40))
def test_scan_never_counts_less_than_the_lexer_reads(source: str) -> None:
    counted = scan(source, LIMITS)
    with suppress(GraphQLSyntaxError):
        assert counted >= lexed(source)


@pytest.mark.parametrize(
    ("limits", "source", "says"),
    [
        (Limits(tokens=4), "{ me { id } }", "more than 4 tokens; the limit is 4"),
        (Limits(text=10), "{ me { id } }", "13 characters; the limit is 10"),
        (LIMITS, "{ a(b: " + "[" * 64 + "1", "more than 64 nested brackets"),
    ],
)
def test_scan_says_which_limit(limits: Limits, source: str, says: str) -> None:
    with pytest.raises(TooCostly, match=says) as caught:
        parse(source, limits)
    assert caught.value.code is ErrorCode.TOO_COSTLY


def test_scan_lets_brackets_stand_in_strings_and_comments() -> None:
    many = "{[(" * 100
    source = f'{{ a(b: "{many}", c: """{many} \\""" {many}""") }} # {many}'
    assert scan(source, LIMITS) == 12


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("{ me { id } }", 2),
        ("{ nope }", 1),
        ("{ nope { nope { nope } } }", 3),
        ("{ me { ... on Nope { x } ...Missing } }", 2),
        ("{ projects(first: 5) { nodes { id name } pageInfo { endCursor } } }", 3 + 5 * 2 + 1),
        ("{ projects { edges { cursor node { id } } } }", 2 + 20 * 3),
        ("{ projects(first: 1, last: 7) { nodes { id } } }", 2 + 7),
        ("{ projects(first: null) { nodes { id } } }", 2 + 20),
        ("{ projects(first: 1000000000000) { nodes { id } } }", 2 + 100),
        ("{ projects(first: -5) { nodes { id } } }", 2),
        ('{ projects(first: "x") { nodes { id } } }', 2 + 100),
        ("{ models { id } }", 1 + 10),
        ("{ nodes(ids: [1, 2, 3]) { id } }", 1 + 3),
        ("{ nodes(ids: 1) { id } }", 1 + 1),
        ("{ nodes { id } }", 1 + 1),
        ("mutation { createProject(input: {}) { project { id } } }", 10 + 2),
        ("{ me @skip(if: true) { id @include(if: false) } }", 2),
        ("{ me { ...F } } fragment F on User { id ...F }", 2),
        (
            "{ a: projects(first: 2) { ...C } b: projects(first: 3) { ...C } } "
            "fragment C on ProjectConnection { nodes { id } }",
            (2 + 2) + (2 + 3),
        ),
    ],
)
def test_cost(source: str, expected: int) -> None:
    assert cost(source) == expected


def test_cost_follows_the_variables() -> None:
    source = "query ($n: Int = 3, $ids: [ID!]!) { projects(first: $n) { nodes { id } } nodes(ids: $ids) { id } }"  # noqa: E501 - one document
    assert cost(source, ids=["1", "2"]) == 2 + 3 + 1 + 2
    assert cost(source, n=50, ids=[]) == 2 + 50 + 1
    assert cost(source, n=None, ids=["1"]) == 2 + 20 + 1 + 1
    for odd in (float("inf"), float("nan"), "x", [1], {}, 10**400):
        assert cost(source, n=odd, ids=[]) == 2 + 100 + 1
    assert cost(source, n=float("-inf"), ids="1") == 2 + 1 + 1


def test_a_field_may_declare_cost_and_rows() -> None:
    class Definition:
        metadata = {"cost": 7, "rows": 3}  # noqa: RUF012 - as Strawberry's field has it

    leaf = GraphQLObjectType("Leaf", {"id": GraphQLField(GraphQLInt)})
    query = GraphQLObjectType(
        "Query",
        {
            "own": GraphQLField(GraphQLList(leaf), extensions={"cost": 5, "rows": 50}),
            "strawberry": GraphQLField(
                GraphQLList(leaf), extensions={"strawberry-definition": Definition()}
            ),
        },
    )
    model = CostModel(GraphQLSchema(query), LIMITS)
    assert measure("{ own { id } }", model=model).cost == 5 + 50
    assert measure("{ strawberry { id } }", model=model).cost == 7 + 3


def test_measure_is_told() -> None:
    got = measure(
        "{ x: me { id } projects(first: 3) { nodes { ...F } } } fragment F on Project { y: id }"
    )
    assert got.as_dict() == {"requested": 7, "limit": 20_000, "depth": 3, "aliases": 2}


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("{ projects(first: 100) { nodes { messages(first: 100) { nodes { id content } } } } }",
         "20202 rows and fields; the limit is 20000"),
        ("{ me " + "{ me " * 11 + "{ id }" + "}" * 12, "13 nested selection sets; the limit is 12"),
        ("{ me { ...F } } fragment F on User { me { ... { me " + "{ me " * 9 + "{ id } " + "}" * 12,
         "13 nested selection sets; the limit is 12"),
        ("{ " + " ".join(f"a{n}: me {{ id }}" for n in range(101)) + " }",
         "101 aliases; the limit is 100"),
        ("{ __schema { types " + "{ ofType " * INTROSPECTION_DEPTH + "{ name } " +
         "}" * (INTROSPECTION_DEPTH + 2), "26 nested selection sets of introspection"),
    ],
)  # fmt: skip
def test_limits_are_inclusive_and_say_what_was_asked(source: str, says: str) -> None:
    with pytest.raises(TooCostly, match=says):
        measure(source)


def test_costs_stop_growing() -> None:
    """So they fit a float, which half a row below `ofType` needs."""
    levels = range(1_100)
    doubling = " ".join(f"fragment F{n} on __Type {{ ...F{n + 1} ...F{n + 1} }}" for n in levels)
    source = f"{{ __schema {{ types {{ ofType {{ ...F0 }} }} }} }} {doubling}"
    document = parse(source + " fragment F1100 on __Type { name }", Limits(tokens=20_000))
    operation = document.definitions[0]
    assert isinstance(operation, OperationDefinitionNode)
    with pytest.raises(TooCostly, match=f" {1 << 53} rows and fields"):
        MODEL.meter(document, operation).measure()


def test_up_to_the_limits_is_allowed() -> None:
    assert measure("{ me " + "{ me " * 10 + "{ id }" + "}" * 11).depth == 12
    aliases = " ".join(f"a{n}: me {{ id }}" for n in range(100))
    assert measure(f"{{ {aliases} }}").aliases == 100
    exact = CostModel(example_schema(), Limits(cost=2))
    assert measure("{ me { id } }", model=exact).cost == 2
    with pytest.raises(TooCostly, match="3 rows and fields; the limit is 2"):
        measure("{ me { id name } }", model=exact)


def test_introspection_of_the_usual_tools_passes() -> None:
    source = get_introspection_query(
        descriptions=True,
        specified_by_url=True,
        directive_is_repeatable=True,
        schema_description=True,
        input_value_deprecation=True,
        one_of=True,
    )
    assert validate(example_schema(), parse(source, LIMITS)) == []
    half = LIMITS.cost / 2
    assert measure(get_introspection_query()).cost == pytest.approx(half, abs=2)
    assert half < measure(source).cost < 1.2 * half
    assert measure(source).depth == 1


def test_introspection_cannot_be_multiplied() -> None:
    copies = " ".join(
        f"a{n}: fields {{ type {{ fields {{ type {{ name }} }} }} }}" for n in range(60)
    )
    with pytest.raises(TooCostly, match="rows and fields"):
        measure(f"{{ __schema {{ types {{ {copies} }} }} }}")


def test_a_cycle_of_fragments_is_an_error() -> None:
    source = "{ me { ...A } } fragment A on User { ...B } fragment B on User { me { ...A } }"
    assert measure(source).depth == 3
    errors = validate(example_schema(), parse(source, LIMITS))
    assert [error.message for error in errors] == [
        "Cannot spread fragment 'A' within itself via 'B'."
    ]


def test_forty_components_may_ask_for_the_same() -> None:
    """Clients put a fragment beside each component; many ask for the same fields of one row."""
    card = "id name user { id email } messages(first: 5) { nodes { id attachments { url } } }"
    names = range(40)
    source = f"{{ project(id: 1) {{ {' '.join(f'...C{n}' for n in names)} }} }} " + " ".join(
        f"fragment C{n} on Project {{ {card} }}" for n in names
    )
    measure(source)
    assert validate(example_schema(), parse(source, LIMITS)) == []


def test_long_messages_are_cut() -> None:
    errors = validate(example_schema(), parse("{ " + "x" * 10_000 + " }", LIMITS))
    assert [len(error.message) for error in errors] == [501]
