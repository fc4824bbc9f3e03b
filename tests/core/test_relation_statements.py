"""How many statements each relation takes, on both paths, however many rows it starts from.

The paths are found in the schema: every relation of every type, and every relation of what that
leads to. A new one needs its number in `relation_statements.json`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from graphql import GraphQLObjectType, get_named_type, is_leaf_type, is_object_type, is_union_type

from app.postgres import EmbeddedPostgres
from graphql_schema.core.record_type import MODELS, definition_of
from models.chat.conversations import Conversation
from tests.harness.all_fields import OF_A_LINK, nodes_query, record_types, scalars, shared_query
from tests.harness.api import Server, StartServer
from tests.harness.filled import filled_database
from tests.harness.filling import Filling, Size
from tests.harness.filling_sharing import token_of

pytestmark = pytest.mark.both_paths

BEGINNING = {"Message": 2, "Attachment": 2}
"""Rows that are passed over: those at the beginning of a conversation, which follow nothing."""

COUNTS: dict[str, dict[str, int]] = json.loads(
    Path(__file__).with_name("relation_statements.json").read_text()
)
LENGTHS = (2, 5, 20)
SIZE = Size(owners=1, projects=25, messages=39, more=1, visitors=0)
SHOWCASE = "query($n: Int!) { showcaseProjects(first: $n) { nodes { SELECTION } } }"


@pytest.fixture(scope="module")
def full(postgres: EmbeddedPostgres, template_database: str) -> Iterator[tuple[str, Filling]]:
    """The address of a database of one owner with 25 projects, and what is in it."""
    with filled_database(postgres, template_database, SIZE) as (name, filling):
        yield postgres.url(name), filling


@pytest.fixture
async def server(full: tuple[str, Filling], start_server: StartServer) -> Server:
    return await start_server(url=full[0], worker=False)


async def test_relations(full: tuple[str, Filling], server: Server, plans: bool) -> None:
    ada, filling = server.user("user-0"), full[1]
    await server.sql("UPDATE user_account SET operator = true")
    tables = {definition_of(made).name: model for made, model in MODELS.items()}
    found: dict[str, list[int]] = {}
    for name, kind in record_types().items():
        for path, selection in relations(kind):
            counts = found[f"{name}.{path}"] = []
            for length in LENGTHS:
                server.statements.clear()
                if kind.interfaces:
                    first = BEGINNING.get(name, 0)
                    ids = filling.of(tables[name], filling.users[0])[first : first + length]
                    await ada.run(nodes_query(name, selection), ids=ids)
                elif name in OF_A_LINK:
                    token = token_of(filling.of(Conversation, filling.users[0])[0])
                    await ada.run(shared_query(name, selection, length), token=token)
                else:
                    await ada.run(SHOWCASE.replace("SELECTION", selection), n=length)
                counts.append(sum(" t WHERE " in sql for sql, _ in server.statements))
    column = "plans" if plans else "fields"
    assert found == {path: [count] * len(LENGTHS) for path, count in COUNTS[column].items()}


def relations(kind: GraphQLObjectType, depth: int = 2) -> Iterator[tuple[str, str]]:
    """Paths of up to `depth` relations, each with the selection that asks for it."""
    for name, field in kind.fields.items():
        target = get_named_type(field.type)
        if is_leaf_type(target) or is_union_type(target):  # which is made of columns
            continue
        assert is_object_type(target)
        asked = f"{name} {{ SELECTION }}"
        if "nodes" in target.fields:
            target = get_named_type(target.fields["nodes"].type)
            asked = f"{name}(first: 5) {{ nodes {{ SELECTION }} }}"
        assert is_object_type(target)
        yield name, asked.replace("SELECTION", scalars(target))
        for path, selection in relations(target, depth - 1) if depth > 1 else ():
            yield f"{name}.{path}", asked.replace("SELECTION", selection)
