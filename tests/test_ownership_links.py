"""No link leads to a stranger's row, whatever the database says of the link."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest

from graphql_schema.core.record_type import MODELS, definition_of
from models.billing.credit_ledger import CreditEntry
from tests.harness.api import Api, Server, StartServer
from tests.harness.documents import asked, object_type, selection
from tests.harness.ownership import NODES, PROBES, World, make_world

pytestmark = pytest.mark.both_paths


PARTS = 4  # of the walk, each with a world of its own


@pytest.fixture
async def still(start_server: StartServer) -> Server:
    """A server on which nothing happens by itself, and that takes long questions."""
    return await start_server(worker=False, max_tokens=8_000, max_cost=100_000)


@pytest.mark.parametrize("part", range(PARTS))
async def test_no_link_leads_to_a_strangers_row(still: Server, part: int) -> None:
    """Every `…_id` column of the stranger's own rows is forged, one after the other."""
    ada, eve = still.user("ada"), still.user("eve")
    foreign, own = await make_world(still, ada), await make_world(still, eve)
    foreign_ids = set(foreign.ids.values())
    tables = {definition_of(made).name: model.table() for made, model in MODELS.items()}
    forged = 0
    for kind, name in list(NODES.items())[part::PARTS]:
        table = tables[kind]
        if table == CreditEntry.table():  # which cannot be changed
            continue
        for column in await _links(still, table):
            async for target in _forged(still, table, column, own[name], foreign):
                reached = await _reached_by(eve, own, kind)
                assert not reached & foreign_ids, (table, column, target, reached & foreign_ids)
                forged += 1
    assert forged >= len(NODES) // PARTS


TARGETS = {
    "project_id": ("project", "quiet"),
    "conversation_id": ("conversation", "quiet conversation"),
    "message_id": ("message", "quiet message", "reply"),
    "parent_id": ("message",),
    "regenerated_from_id": ("message",),
    "fragment_id": ("fragment",),
    "restored_from": ("snapshot",),
    "user_id": ("user",),
    "decided_by_id": ("user",),
    "resolved_user_id": ("user",),
    "import_id": ("import",),
    "org_id": ("org",),
    "owner_user_id": ("user",),
    "avatar_file_id": ("avatar",),
    "stored_file_id": ("picture",),
    "root_id": ("conversation",),
    "subject_id": ("message",),
}
BESIDE = {
    # One main conversation per project: the forged one is another.
    ("conversation", "project_id"): (", main = false", ", main = true"),
    ("attachment", "stored_file_id"): (", url = NULL", ", url = 'https://x.example/a.png'"),
}
"""What else must change for a link to be pointed elsewhere, and be put back."""
NO_LINKS = {"id", "owner_id", "clerk_id", "client_message_id", "message_group_id", "source_id"}
NO_LINKS |= {"polar_subscription_id", "polar_customer_id", "customer_id", "product_id"}
NO_LINKS |= {"external_id", "agent_id", "run_id"}
NO_LINKS |= {
    "anonymous_id",
    "call_id",
    "price_id",
    "event_id",
    "request_id",
    "account_id",
    "provider_id",
}


async def _links(server: Server, table: str) -> list[str]:
    """The columns that hold ids of other rows. A new one without a target here is an error."""
    columns = await server.sql(
        "SELECT column_name AS name FROM information_schema.columns WHERE table_name = $1 "
        "AND (column_name LIKE '%\\_id' OR column_name LIKE '%\\_from') AND data_type = 'text'",
        table,
    )
    found = {row["name"] for row in columns} - NO_LINKS
    assert found <= set(TARGETS), (table, found - set(TARGETS))
    return sorted(found)


async def _forged(
    server: Server, table: str, column: str, id: str, foreign: World
) -> AsyncIterator[str]:
    """Points a link of one row at rows of the other world, in turn, then back."""
    (row,) = await server.sql(f"SELECT {column} AS link FROM {table} WHERE id = $1", id)
    for target in TARGETS[column]:
        there, back = BESIDE.get((table, column), ("", ""))
        query = f"UPDATE {table} SET {column} = $2{there} WHERE id = $1"
        try:
            await server.sql(query, id, foreign[target])
        except asyncpg.UniqueViolationError:
            continue
        yield target
        await server.sql(f"UPDATE {table} SET {column} = $2{back} WHERE id = $1", id, row["link"])


async def _reached_by(viewer: Api, world: World, forged: str) -> set[str]:
    """The ids of all objects that a viewer reaches from a row, its project and the lists."""
    found: set[str] = set()
    for kind in {forged, "Project"}:
        inner = selection(object_type(kind), 3, 2)
        query = f"query($id: ID!) {{ it: node(id: $id) {{ ... on {kind} {inner} }} }}"
        _objects(await viewer.run(query, id=world[NODES[kind]]), found)
    lists = ("projects", "pendingAgentRuns", "imports", "subscriptions", "oauthConnections")
    for name in (f"Query.{field}" for field in lists):
        for way in PROBES[name].ways(world):
            _objects(await viewer.run(asked(name, way, 1), **way), found)
    return found


def _objects(value: Any, found: set[str]) -> None:
    if isinstance(value, dict):
        if isinstance(value.get("id"), str):
            found.add(value["id"])
        for inner in value.values():
            _objects(inner, found)
    elif isinstance(value, list):
        for inner in value:
            _objects(inner, found)
