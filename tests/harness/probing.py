"""Asking for one line of the ownership table, and saying in a word what came back."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from tests.harness.api import Api, Refused
from tests.harness.documents import asked, object_type, selection
from tests.harness.ownership import NODES, PROBES, World


@dataclass(frozen=True, slots=True)
class Probed:
    """What came back: its kind, and its text to compare with another."""

    result: str
    text: str


async def ask(viewer: Api, field: str, variables: dict[str, Any]) -> Probed:
    """Ask for one field, or hear the first event of a subscription."""
    query = asked(field, variables)
    if field.startswith("Subscription."):
        return await _heard(viewer, query, variables)
    response = await viewer.ask(query, **variables)
    return Probed(_result(response), json.dumps(response, sort_keys=True))


async def ask_node(viewer: Api, kind: str, id: str) -> Probed:
    """Ask for a node of one type, with all that it has."""
    inner = selection(object_type(kind), 1)
    query = f"query($id: ID!) {{ it: node(id: $id) {{ __typename id ... on {kind} {inner} }} }}"
    response = await viewer.ask(query, id=id)
    return Probed(_result(response), json.dumps(response, sort_keys=True))


async def _heard(viewer: Api, query: str, variables: dict[str, Any]) -> Probed:
    async with viewer.listen(query, **variables) as events:
        try:
            return Probed("data", json.dumps(await events.next(), sort_keys=True))
        except Refused as refused:
            return Probed(refused.code, json.dumps(refused.errors, sort_keys=True))


def _result(response: dict[str, Any]) -> str:
    if response.get("errors"):
        (error,) = response["errors"]
        assert (response.get("data") or {}).get("it") is None
        return error["extensions"]["code"]
    it = response["data"]["it"]
    if it is None or (isinstance(it, list) and it and not any(it)):
        return "null"
    nodes = it.get("nodes") if isinstance(it, dict) else it
    return "empty" if nodes == [] else "data"


async def probe(viewer: Api, name: str, world: World) -> Probed:
    """One line of the table: `Query.me`, `node Project`. All its ways must agree."""
    kind, _, type_name = name.partition(" ")
    if type_name:
        return await ask_node(viewer, type_name, world[NODES[type_name]])
    found = [await ask(viewer, kind, way) for way in PROBES[kind].ways(world)]
    assert len({one.result for one in found}) == 1, (name, found)
    return found[0]
