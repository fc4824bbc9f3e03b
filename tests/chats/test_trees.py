"""Whatever tree an export has, it comes over whole: random ones, in two steps, broken or not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.chats.conftest import Bring, Reader
from tests.chats.exports import START, Json, chatgpt_chat, chatgpt_node, said
from tests.harness.api import Server

ROWS = """SELECT content, id, parent_id, order_id, branch_index, selected, on_branch FROM message
WHERE conversation_id = $1 ORDER BY order_id"""


@dataclass(frozen=True)
class Grown:
    """Nodes in the order they were made, the number there were at a first export, and which was
    shown last at each of the two."""

    nodes: list[Json]
    first: int
    shown: tuple[int, int]

    @property
    def exports(self) -> list[Json]:
        """The conversation at each of the two times."""
        return [
            chatgpt_chat(self.nodes[:count], current_node=self.nodes[shown]["id"])
            for count, shown in zip((self.first, len(self.nodes)), self.shown, strict=True)
        ]


@st.composite
def grown(draw: st.DrawFn) -> Grown:
    """A random tree, in which some nodes are hidden."""
    count = draw(st.integers(1, 14))
    nodes = [said("n0", None, "user", "n0")]
    for number in range(1, count):
        parent = draw(st.sampled_from(["", *(node["id"] for node in nodes)])) or None
        id = f"n{number}"
        hidden = draw(st.integers(0, 3)) == 0
        at = START + draw(st.integers(0, 5))
        shown = said(id, parent, draw(st.sampled_from(["user", "assistant"])), id, at=at)
        nodes.append(chatgpt_node(id, parent, None) if hidden else shown)
    first = draw(st.integers(1, count))
    shown = draw(st.integers(0, first - 1)), draw(st.integers(0, count - 1))
    return Grown(nodes, first, shown)


def parents(nodes: list[Json]) -> dict[str, str | None]:
    """Who follows whom, hidden nodes passed over."""
    above = {node["id"]: node for node in nodes}
    found: dict[str, str | None] = {}
    for node in nodes:
        parent = node["parent"]
        while parent is not None and above[parent]["message"] is None:
            parent = above[parent]["parent"]
        if node["message"] is not None:
            found[node["id"]] = parent
    return found


def branch_to(id: str | None, nodes: list[Json]) -> list[str]:
    """The messages that lead to a node, itself if it is one."""
    above = {node["id"]: node for node in nodes}
    found: list[str] = []
    while id is not None:
        if above[id]["message"] is not None:
            found.insert(0, id)
        id = above[id]["parent"]
    return found


def check(rows: list[dict[str, Any]], nodes: list[Json]) -> None:
    """What holds of any conversation here, and that it is the tree of these nodes."""
    names = {row["id"]: row["content"] for row in rows}
    assert {row["content"]: names.get(row["parent_id"]) for row in rows} == parents(nodes)
    by_id = {row["id"]: row for row in rows}
    families: dict[str | None, list[dict[str, Any]]] = {}
    for order, row in enumerate(rows, 1):
        parent = by_id.get(row["parent_id"])
        assert row["order_id"] == order
        assert parent is None or parent["order_id"] < order
        assert row["on_branch"] == (row["selected"] and (parent is None or parent["on_branch"]))
        families.setdefault(row["parent_id"], []).append(row)
    for family in families.values():
        assert [row["selected"] for row in family].count(True) == 1
        assert [row["branch_index"] for row in family] == list(range(len(family)))


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(tree=grown())
async def test_any_tree_comes_over_whole(
    tree: Grown, bring: Bring, ada: Reader, server: Server
) -> None:
    await server.sql("DELETE FROM message")
    await server.sql("DELETE FROM conversation")
    await server.sql("DELETE FROM import_mark")
    earlier, later = tree.exports
    await bring("chatgpt", earlier)
    first = await rows_of(server)
    check(first, tree.nodes[: tree.first])
    shown = [row["content"] for row in first if row["on_branch"]]
    wanted = branch_to(tree.nodes[tree.shown[0]]["id"], tree.nodes)
    assert shown[: len(wanted)] == wanted
    await bring("chatgpt", later)
    second = await rows_of(server)
    check(second, tree.nodes)
    assert second[: len(first)] == first, "what is here stays as it is"
    assert [row["content"] for row in second if row["on_branch"]][: len(shown)] == shown
    await bring("chatgpt", later)
    assert await rows_of(server) == second


async def rows_of(server: Server) -> list[dict[str, Any]]:
    """The messages of the only conversation; none where there is none."""
    found = await server.sql("SELECT id FROM conversation")
    return await server.sql(ROWS, found[0]["id"]) if found else []
