"""`node` and `nodes`: every type by its id, and nothing for an id that names nothing."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest

from graphql_schema.core.record_type import MODELS, definition_of
from models import ids
from models.access import OperatorOnly
from models.accounts.org_members import OrgMember
from models.accounts.orgs import Org
from models.base import Record
from models.packages import record_models
from tests.harness.all_fields import nodes_query, record_types, scalars
from tests.harness.api import Refused, Server, StartServer
from tests.harness.filled import fill
from tests.harness.filling import Filling, Size

NODE = "query($id: ID!) { node(id: $id) { __typename id } }"
NODES = "query($ids: [ID!]!) { nodes(ids: $ids) { __typename id } }"
HIDDEN = {"Generation", "Mail", "OAuthRevocation"}
"""Tables without a type: nobody reaches their rows by `node`."""


@pytest.fixture
async def filling(database: str) -> Filling:
    """Two owners with some of everything."""
    return await fill(database, Size(owners=2, projects=1, messages=20, more=1, visitors=0))


@pytest.fixture
async def server(filling: Filling, start_server: StartServer) -> Server:
    """A server whose user-0 is an operator."""
    server = await start_server(worker=False)
    await server.sql("UPDATE user_account SET operator = true WHERE clerk_id = 'user-0'")
    return server


def _tables() -> dict[str, type[Record]]:
    """The table of each type that is a node."""
    nodes = {name for name, kind in record_types().items() if kind.interfaces}
    found = {definition_of(made).name: model for made, model in MODELS.items()}
    return {name: model for name, model in found.items() if name in nodes}


def test_every_table_is_a_node_or_hidden() -> None:
    nodes = {model.__name__ for model in _tables().values()}
    assert nodes | HIDDEN == {model.__name__ for model in record_models()}
    assert nodes & HIDDEN == set()
    prefixes = [model.prefix for model in record_models()]
    assert len(set(prefixes)) == len(prefixes)


async def test_every_type_is_found_by_its_id(server: Server, filling: Filling) -> None:
    ada, eve, nobody = server.user("user-0"), server.user("eve"), server.nobody()
    owner = filling.users[0]
    for name, table in _tables().items():
        id = filling.of(table, owner)[0]
        found = await ada.run(NODE, id=id)
        assert found == {"node": {"__typename": name, "id": id}}
        everything = nodes_query(name, scalars(record_types()[name]))
        (row,) = await server.sql(f"SELECT * FROM {table.table()} WHERE id = $1", id)
        (told,) = (await ada.run(everything, ids=[id]))["nodes"]
        for key, value in told.items():
            column = "".join(f"_{c.lower()}" if c.isupper() else c for c in key)
            stored = row.get(column)
            if isinstance(value, str | int | bool) and not isinstance(stored, datetime | None):
                enum = str(stored).upper().replace(".", "_")
                shown = Decimal(value) if isinstance(stored, Decimal) else value
                assert shown in (stored, enum), (name, key)
        for stranger in (eve, nobody):
            assert await stranger.run(NODE, id=id) == {"node": None}, name


async def test_an_id_of_another_type_gives_nothing(server: Server, filling: Filling) -> None:
    ada, owner = server.user("user-0"), filling.users[0]
    for table in record_models():
        id = filling.of(table, owner)[0]
        suffix = id.partition("_")[2]
        for other in record_models():
            if other is not table:
                mixed = f"{other.prefix}_{suffix}"
                assert await ada.run(NODE, id=mixed) == {"node": None}, (table, other)
        for field in ("project", "message", "fragment"):
            query = f"query($id: ID!) {{ {field}(id: $id) {{ id }} }}"
            there = (await ada.run(query, id=id))[field]
            assert (there is not None) == (table.__name__.lower() == field), (field, table)


async def test_hidden_tables_stay_hidden(server: Server, filling: Filling) -> None:
    for table in record_models():
        if table.__name__ in HIDDEN:
            id = filling.of(table, filling.users[0])[0]
            assert await server.user("user-0").run(NODE, id=id) == {"node": None}


async def test_ids_that_name_nothing(server: Server, filling: Filling) -> None:
    ada = server.user("user-0")
    good = filling.ids[_tables()["Message"]][filling.users[0]][0]
    strange = [
        "",
        " ",
        "msg",
        "msg_",
        "msg_0",
        good.upper(),
        f" {good}",
        f"{good} ",
        f"{good}\n",
        good[:-1],
        f"{good}0",
        good.replace("msg_", "msg-"),
        f"{good[:4]}8{good[5:]}",  # beyond 128 bits
        good.replace("_0", "_o"),
        "xxx_" + good[4:],
        ids.new_id("msg"),
        "12",
        "é" * 26,
        "\u202e" + good,
        "' OR true --",
        "msg_" + "0" * 100_000,
        "_" * 100_000,
    ]
    for id in strange:
        assert await ada.run(NODE, id=id) == {"node": None}, id[:60]
    found = await ada.run(NODES, ids=[*strange, good])
    assert found["nodes"] == [None] * len(strange) + [{"__typename": "Message", "id": good}]
    assert await ada.run("{ node(id: 12) { id } }") == {"node": None}


@pytest.mark.parametrize("id", ["msg_\0", "\ud800", None, ["a"], {"a": 1}, 1.5, True])
async def test_values_that_are_no_ids(server: Server, id: Any) -> None:
    assert await server.user("user-0").code(NODE, id=id) == "INVALID"


async def test_nodes_keep_the_order_of_their_ids(server: Server, filling: Filling) -> None:
    ada, owner, other = server.user("user-0"), filling.users[0], filling.users[1]
    tables = _tables().values()
    mine = [filling.of(table, owner)[0] for table in tables]
    foreign = [filling.of(table, other)[0] for table in tables]
    nobodys = [filling.of(t, other)[0] for t in tables if isinstance(t.access, OperatorOnly)]
    shared = [filling.of(table, other)[0] for table in (Org, OrgMember)]
    reached = {*mine, *nobodys, *shared}
    asked = [id for pair in zip(mine, foreign, mine, strict=True) for id in pair]
    asked_at_once = [asked[:90], asked[90:]]
    found = [node for ids in asked_at_once for node in (await ada.run(NODES, ids=ids))["nodes"]]
    assert [node and node["id"] for node in found] == [
        id if id in reached else None for id in asked
    ]
    assert await ada.run(NODES, ids=[]) == {"nodes": []}
    assert (await server.nobody().run(NODES, ids=mine))["nodes"] == [None] * len(mine)


async def test_at_most_a_hundred_nodes(server: Server, filling: Filling) -> None:
    ada = server.user("user-0")
    id = filling.ids[_tables()["Message"]][filling.users[0]][0]
    assert len((await ada.run(NODES, ids=[id] * 100))["nodes"]) == 100
    with pytest.raises(Refused) as refused:
        await ada.run(NODES, ids=[id] * 101)
    assert refused.value.errors[0]["extensions"] == {"code": "INVALID", "field": "ids"}
    assert await ada.code(NODES, ids=[id] * 20_000) in ("INVALID", "TOO_COSTLY")
