"""A conversation to which anything is done, and what a client's copy of it is to be."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Callable
from itertools import groupby
from pathlib import Path
from typing import Any

import asyncpg

from tests.harness.api import Api, Refused
from tests.harness.copying import BROKEN, LAST, Copy, Rows
from tests.harness.eventually import eventually

ACTIONS = 30
FIELDS = """{ id orderId parentId branchIndex selected onBranch role type status outcome content
  parts messageGroupId regeneratedFromId error usage toolCalls { id state } }"""
BRANCH = f"""query($id: ID!, $after: String) {{ conversation(id: $id) {{
  messages(first: 100, after: $after) {{
    nodes {{ ...Of siblings {{ ...Of }} }} pageInfo {{ hasNextPage endCursor }} }} }} }}
fragment Of on Message {FIELDS}"""
NODES = f"query($ids: [ID!]!) {{ nodes(ids: $ids) {{ ... on Message {FIELDS} }} }}"
ROWS = "SELECT id, role, status FROM message WHERE conversation_id = $1 ORDER BY id"
CALLS = "query($id: ID!) { message(id: $id) { toolCalls { id state } } }"
SENT = "{ reply { id } }"
MODELS = ("mock:raypx-1", "mock:fail", "mock:endless", "mock:tools")


class Talk:
    """A conversation, and users who do anything to it, allowed or not."""

    def __init__(self, pool: asyncpg.Pool, caller: Callable[[], Api], id: str, notes: Path) -> None:
        self.pool = pool
        self.caller = caller
        self.id = id
        self.call = f"[[call:delete {json.dumps({'to': str(notes)})}]]" * 2

    def copy(self, seed: int) -> Copy:
        """A client that is about to follow."""
        return Copy(self.caller, {"conversationId": self.id}, FIELDS, self.begin, seed)

    async def branch(self, caller: Api) -> list[dict[str, Any]]:
        """The selected branch, each message with its siblings."""
        found: list[dict[str, Any]] = []
        after = None
        while True:
            asked = await caller.run(BRANCH, id=self.id, after=after)
            page = asked["conversation"]["messages"]
            found += page["nodes"]
            if not page["pageInfo"]["hasNextPage"]:
                return found
            after = page["pageInfo"]["endCursor"]

    async def begin(self, caller: Api) -> list[dict[str, Any]]:
        """What a client that begins asks for: the branch and all versions of what is on it."""
        shown = await self.branch(caller)
        return [one for row in shown for one in row["siblings"]]

    async def whole(self) -> Rows:
        """All messages as a fresh query gives them, wherever they are in the tree."""
        ids = [row["id"] for row in await self.rows()]
        found: Rows = {}
        for first in range(0, len(ids), 100):
            nodes = (await self.caller().run(NODES, ids=ids[first : first + 100]))["nodes"]
            found |= {node["id"]: node for node in nodes}
        return found

    async def rows(self) -> list[dict[str, Any]]:
        """Id, role and status of all messages."""
        return [dict(row) for row in await self.pool.fetch(ROWS, self.id)]

    async def busy(self, seed: int) -> None:
        """Do things for a while."""
        chance = random.Random(seed)  # noqa: S311 - repeatable on purpose
        for _ in range(ACTIONS):
            try:
                await self._act(self.caller(), chance)
            except Refused as refused:
                if refused.code not in ("CONFLICT", "NOT_FOUND", "UNAVAILABLE"):
                    raise
            except BROKEN:
                continue  # it was done, or was not
            await asyncio.sleep(chance.random() * 0.1)

    async def _act(self, caller: Api, chance: random.Random) -> None:
        kind = chance.choices(list(ACTS), [weight for weight, _ in ACTS.values()])[0]
        _, role = ACTS[kind]
        known = [row["id"] for row in await self.rows() if role in (None, row["role"])]
        some = chance.choice(known) if known else "msg_none"
        text = f"hello [[tokens:{chance.randrange(80)}]] [[fail-after:3]] [[delay:1ms]]"
        model = chance.choice(MODELS)
        said = {"content": self.call if model == "mock:tools" else text, "supersede": True}
        match kind:
            case "sendMessage":
                to = {"conversationId": self.id}
                await caller.do(kind, SENT, to=to, model=model, **said)
            case "group":
                to = {"conversationId": self.id}
                await caller.do("sendMessage", SENT, to=to, models=list(MODELS[:2]), **said)
            case "editMessage":
                await caller.do(kind, SENT, id=some, model=model, **said)
            case "regenerateMessage":
                await caller.do(kind, SENT, id=some, supersede=chance.random() < 0.7)
            case "updateMessage":
                await caller.do(kind, "{ __typename }", id=some, content="corrected")
            case "decide":
                await self._decide(caller, some, chance.choice(("approveToolCall", "denyToolCall")))
            case "clearConversation":
                await caller.do(kind, "{ __typename }", id=self.id)
            case _:
                await caller.do(kind, "{ __typename }", id=some)

    async def _decide(self, caller: Api, message: str, how: str) -> None:
        found = (await caller.run(CALLS, id=message))["message"]
        calls = found["toolCalls"] if found else ()
        for call in [one for one in calls if one["state"] == "AWAITING_APPROVAL"][:1]:
            await caller.do(how, "{ __typename }", id=call["id"])

    async def finish(self) -> None:
        """Have no answer be written any more, and say the last word."""

        async def finished() -> bool:
            left = [row["id"] for row in await self.rows() if row["status"] != "COMPLETE"]
            for id in left:
                await self.caller().ask(STOP, id=id)
            return not left

        await eventually(finished, 40)
        to = {"conversationId": self.id}
        await self.caller().do("createMessage", "{ message { id } }", to=to, content=LAST)


STOP = "mutation($id: ID!) { stopMessage(input: {id: $id}) { message { id } } }"
ACTS: dict[str, tuple[float, str | None]] = {
    "sendMessage": (6, None),
    "group": (2, None),
    "editMessage": (4, "USER"),
    "regenerateMessage": (4, "ASSISTANT"),
    "selectBranch": (6, None),
    "deleteMessage": (1.5, None),
    "updateMessage": (1, "USER"),
    "stopMessage": (2, "ASSISTANT"),
    "decide": (3, "ASSISTANT"),
    "clearConversation": (0.2, None),
}
"""How often each is done, and to whose messages."""


async def check_copies(talk: Talk, copies: list[Copy], whole: list[Copy]) -> None:
    """The copies are what a fresh query gives, and those that heard of all have all."""
    rows, branch = await talk.whole(), await talk.branch(talk.caller())
    for copy in copies:
        assert copy.resets == 0
        assert copy.rows is not None
        assert copy.rows == {id: rows[id] for id in copy.rows}, "nothing is old, or gone"
        _check_branch(copy.rows, branch)
    for copy in whole:
        assert copy.rows == rows
        _check_tree(copy.rows, branch)


def _check_branch(rows: Rows, branch: list[dict[str, Any]]) -> None:
    """A copy shows the branch that a fresh query gives."""
    shown = sorted((row for row in rows.values() if row["onBranch"]), key=lambda r: r["orderId"])
    assert [row["id"] for row in shown] == [row["id"] for row in branch]


def _check_tree(rows: Rows, branch: list[dict[str, Any]]) -> None:
    """Its families are those of a fresh query, each with one that is selected."""

    def place(row: dict[str, Any]) -> tuple[str, int]:
        return row["parentId"] or "", row["branchIndex"]

    families: dict[str, list[dict[str, Any]]] = {
        parent: list(family)
        for parent, family in groupby(sorted(rows.values(), key=place), lambda r: place(r)[0])
    }
    for family in families.values():
        assert [row["selected"] for row in family].count(True) == 1
    for row in branch:
        siblings = [one["id"] for one in families[row["parentId"] or ""]]
        assert siblings == [one["id"] for one in row["siblings"]]
