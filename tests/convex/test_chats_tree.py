"""Messages of chats become trees: by parents that are named, by groups, and else one by one."""

from __future__ import annotations

from typing import Any

from tests.convex.chats import NINA
from tests.convex.conftest import Bring
from tests.convex.snapshots import START, SnapshotFile
from tests.harness.api import Server


def talk(*said: dict[str, Any]) -> SnapshotFile:
    """A chat of these messages, each with its number as its id."""
    made = SnapshotFile()
    user = made.add("users", START, clerkId=NINA, email="nina@example.com")
    chat = made.add("chats", START, userId=user, title="Quince", public=False, pinned=False)
    for number, fields in enumerate(said, 1):
        given = {"chatId": chat, "role": "user", "content": f"{number}"} | fields
        made.add("messages", START + number, **given)
        made.tables["messages"][-1]["_id"] = f"m{number}"
    return made


async def tree(server: Server) -> dict[str, tuple[str | None, int, bool, bool]]:
    """Of each message its parent, its place among siblings, whether it is selected and shown."""
    rows = await server.sql(
        "SELECT m.content, p.content AS parent, m.branch_index, m.selected, m.on_branch "
        "FROM message m LEFT JOIN message p ON p.id = m.parent_id ORDER BY m.order_id"
    )
    return {row.pop("content"): tuple(row.values()) for row in rows}


async def test_named_parents_make_a_tree(server: Server, bring: Bring) -> None:
    made = talk(
        {"branchIndex": 0, "selected": True},
        {"parentMessageId": "m1", "selected": True},
        {"parentMessageId": "m1", "selected": False},
        {"parentMessageId": "m3"},
        {"branchIndex": 1, "selected": False},
        {"parentMessageId": "m2"},
        {"parentMessageId": "m9"},
        {"parentMessageId": "m8"},
        {"parentMessageId": "elsewhere"},
    )
    report = await bring(made)
    assert await tree(server) == {
        "1": (None, 0, True, True),
        "2": ("1", 0, True, True),
        "3": ("1", 1, False, False),
        "4": ("3", 0, True, False),
        "5": (None, 1, False, False),
        "6": ("2", 0, True, True),
        "7": ("6", 0, True, True),  # a later one, itself, and none: each follows the one before
        "8": ("7", 0, True, True),
        "9": ("8", 0, True, True),
    }
    assert report.counts["messages", "parent left out: no earlier one"] == 3


async def test_answers_of_a_group_are_siblings(server: Server, bring: Bring) -> None:
    answer = {"role": "assistant", "messageGroupId": "g"}
    made = talk({}, answer, answer, answer, {}, answer, {"role": "assistant"})
    await bring(made)
    assert await tree(server) == {
        "1": (None, 0, True, True),
        "2": ("1", 0, True, True),
        "3": ("1", 1, False, False),
        "4": ("1", 2, False, False),
        "5": ("2", 0, True, True),
        "6": ("5", 0, True, True),
        "7": ("6", 0, True, True),
    }


async def test_clocks_and_numbers_both_order(server: Server, bring: Bring) -> None:
    made = talk({"orderId": START + 9.5}, {"orderId": START + 2}, {}, {"orderId": START + 9.25})
    await bring(made)
    rows = await server.sql("SELECT content FROM message ORDER BY order_id")
    assert [row["content"] for row in rows] == ["2", "3", "4", "1"]
