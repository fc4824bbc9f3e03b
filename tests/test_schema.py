"""The SDL: current, described in full, and named by rule."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLScalarType,
    build_schema,
    get_named_type,
)

from graphql_schema.schema import graphql_core_schema, sdl
from models.errors import ErrorCode

ROOT = Path(__file__).parents[1]
SCHEMA = graphql_core_schema()
OURS = {
    name: kind
    for name, kind in SCHEMA.type_map.items()
    if not name.startswith("__") and name not in {"String", "Int", "Float", "Boolean", "ID"}
}
VERBS = {
    "accept", "add", "approve", "cancel", "change", "claim", "clear", "close", "complete",
    "create", "decline", "delete", "deny", "edit", "empty", "end", "enqueue", "export", "fail",
    "fork", "grant", "heartbeat", "import", "invite", "leave", "mark", "move", "rate",
    "reconcile", "regenerate", "remove", "replay", "request", "resend", "reset", "resolve",
    "restore", "resume", "revoke", "rotate", "save", "select", "send", "set", "settle", "sign",
    "start", "stop", "sync", "test", "transfer", "undo", "unlink", "update", "upsert", "verify",
}  # fmt: skip
PARTICIPLES = ("Changed", "Streamed")


def described() -> Iterator[tuple[str, str | None]]:
    """Everything that has a description, with it."""
    for name, kind in OURS.items():
        yield name, kind.description
        if isinstance(kind, GraphQLEnumType):
            for value_name, value in kind.values.items():
                yield f"{name}.{value_name}", value.description
        if isinstance(kind, GraphQLInputObjectType):
            for field_name, input_field in kind.fields.items():
                yield f"{name}.{field_name}", input_field.description
        if isinstance(kind, GraphQLObjectType | GraphQLInterfaceType):
            for field_name, field in kind.fields.items():
                yield f"{name}.{field_name}", field.description
                for argument_name, argument in field.args.items():
                    yield f"{name}.{field_name}({argument_name})", argument.description


def root(name: str) -> GraphQLObjectType:
    kind = OURS[name]
    assert isinstance(kind, GraphQLObjectType)
    return kind


def test_the_exported_schema_is_current() -> None:
    exported = (ROOT / "schema.graphql").read_text(encoding="utf-8")
    assert exported == sdl(), "write it anew with `punnet schema --output schema.graphql`"


def test_the_sdl_is_valid_by_itself() -> None:
    built = build_schema(sdl())
    assert OURS.keys() == {name for name in built.type_map if not name.startswith("__")} - {
        "String",
        "Int",
        "Float",
        "Boolean",
        "ID",
    }


def test_everything_says_what_it_is() -> None:
    texts = dict(described())
    assert len(texts) > 400
    silent = {
        name: text
        for name, text in texts.items()
        if not text or text != text.strip() or not text.endswith(".") or len(text) < 4
    }
    assert silent == {}, "each description is a sentence that ends in a full stop"


def test_descriptions_are_short_and_plain() -> None:
    odd = {
        name: text
        for name, text in described()
        if text and (len(text) > 300 or "TODO" in text or "\n\n" in text or text[0].islower())
    }
    assert odd == {}


@pytest.mark.parametrize("name", sorted(root("Mutation").fields))
def test_a_mutation_takes_one_input_and_gives_its_payload(name: str) -> None:
    field = root("Mutation").fields[name]
    word = name[0].upper() + name[1:]
    assert list(field.args) == ["input"]
    given = field.args["input"].type
    assert isinstance(given, GraphQLNonNull)
    assert str(given) == f"{word}Input!"
    assert str(field.type) == f"{word}Payload!"
    assert re.match("[a-z]+", name).group() in VERBS  # type: ignore[union-attr]


def test_a_key_is_always_the_same_field() -> None:
    for name, kind in OURS.items():
        if isinstance(kind, GraphQLInputObjectType) and "idempotencyKey" in kind.fields:
            field = kind.fields["idempotencyKey"]
            assert str(field.type) == "String", name
            assert name in {f"{n[0].upper()}{n[1:]}Input" for n in root("Mutation").fields}


def test_a_subscription_is_a_noun_and_a_participle_with_a_type_of_its_own() -> None:
    for name, field in root("Subscription").fields.items():
        assert name.endswith(PARTICIPLES)
        assert str(field.type) == f"{name[0].upper()}{name[1:]}!"
        told = get_named_type(field.type).fields.keys()  # type: ignore[union-attr]
        assert "reset" in told
        # A cursor would tell readers whose conversation it is.
        resumes = name != "sharedConversationChanged"
        assert ("after" in field.args, "cursor" in told) == (resumes, resumes), name


def test_names_are_spelled_by_rule() -> None:
    for name, kind in OURS.items():
        upper = isinstance(kind, GraphQLScalarType) and name == name.upper()
        assert upper or re.fullmatch("(OAuth|[A-Z][a-z]+)+", name), name
        if isinstance(kind, GraphQLEnumType):
            assert all(re.fullmatch("[A-Z][A-Z_]*[A-Z]", value) for value in kind.values), name
        elif hasattr(kind, "fields"):
            assert all(re.fullmatch("[a-z][a-zA-Z]*|sha256", field) for field in kind.fields), name


def test_connections_are_as_relay_has_them() -> None:
    connections = [name for name in OURS if name.endswith("Connection")]
    assert len(connections) >= 4
    for name in connections:
        page = name.removesuffix("Connection")
        node = page.removesuffix("Search")
        fields = {key: str(field.type) for key, field in root(name).fields.items()}
        assert fields == {
            "edges": f"[{page}Edge!]!", "nodes": f"[{node}!]!", "pageInfo": "PageInfo!"
        }  # fmt: skip
        edge = {key: str(field.type) for key, field in root(f"{page}Edge").fields.items()}
        excerpt = {} if page == node else {"excerpt": "String!"}
        assert edge == {"cursor": "String!", "node": f"{node}!"} | excerpt
    for kind in (root("Query"), root("Project"), root("Conversation")):
        for field in kind.fields.values():
            if str(field.type).endswith("Connection!"):
                assert {"first", "after", "last", "before"} <= field.args.keys()


def test_what_has_an_id_of_its_own_is_a_node() -> None:
    without = {
        name
        for name, kind in OURS.items()
        if isinstance(kind, GraphQLObjectType)
        and "id" in kind.fields
        and "Node" not in {one.name for one in kind.interfaces}
    }
    strangers = {"ShowcaseProject", "SharedMessage"}
    assert without == {"Model"} | strangers, "a setting, and what strangers may see"


def test_nothing_tells_whose_rows_they_are() -> None:
    fields = {
        f"{name}.{field}"
        for name, kind in OURS.items()
        if isinstance(kind, GraphQLObjectType | GraphQLInputObjectType)
        for field in kind.fields
    }
    told = {one for one in fields if "owner" in one.lower().split(".")[1]}
    assert told == {"Org.ownerUserId"}, "who answers for an organisation, as its source has it"


def test_hole_01_only_operators_name_another_user() -> None:
    """Nobody says on whose behalf a query or a mutation is; a token does."""
    named = {
        f"{name}.{field}"
        for name, kind in OURS.items()
        if isinstance(kind, GraphQLInputObjectType)
        for field in kind.fields
        if re.search("user|owner|viewer|behalf", field, re.IGNORECASE)
    }
    named |= {
        f"{kind.name}.{argument}"
        for kind in OURS.values()
        if isinstance(kind, GraphQLObjectType)
        for field in kind.fields.values()
        for argument in field.args
        if re.search("user|owner|viewer|behalf", argument, re.IGNORECASE)
    }
    for_operators = {"GrantSubscription", "ResolvePendingSubscription", "ResetCredits"}
    asks_about = {"Query.userId"}  # accessExplain, which needs a right on the row
    assert named == {f"{name}Input.userId" for name in for_operators} | asks_about


def test_error_codes_are_those_of_the_domain() -> None:
    kind: GraphQLNamedType = OURS["ErrorCode"]
    assert isinstance(kind, GraphQLEnumType)
    assert list(kind.values) == [code.name for code in ErrorCode]
    assert all(code.name == code.value for code in ErrorCode)
