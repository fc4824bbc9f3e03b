"""Random sends, edits, switches, deletions, undos and the like against a simple model."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from models.chat import chunks
from models.chat.answers import Answer
from models.chat.chunks import Window
from models.chat.leases import (
    Failure,
    Lease,
    claim_generations,
    finish_generation,
    give_up_generation,
)
from tests.harness.api import Api, Server, StartServer
from tests.harness.refusals import refusal
from tests.harness.tree import Node, Tree
from tests.harness.verbs import actor_of

EXAMPLES = 25
LEASE = timedelta(minutes=5)
MODELS = ["mock:raypx-1", "mock:slow"]
SENT = "{ message { id } replies { id } }"
READ = """query($id: ID!) { conversation(id: $id) { messages(first: 100) { nodes {
  id content siblings { id } } } } }"""
DELETIONS = "{ deletions(first: 100) { nodes { id subjectId } } }"
ROWS = """\
SELECT id, parent_id, branch_index, selected, on_branch, order_id, content, role, status
FROM message WHERE conversation_id = $1 ORDER BY coalesce(parent_id, ''), branch_index"""

Step = tuple[str, int, str]
STEPS = st.lists(
    st.tuples(
        st.sampled_from(
            ["send", "group", "edit", "regenerate", "switch", "delete", "undo", "fork"]
        ),
        st.integers(0, 1_000),
        st.sampled_from(["answered", "failed", "broken", "stopped", "left"]),
    ),
    min_size=1,
    max_size=14,
)


class Talk:
    """One conversation and the model of it."""

    def __init__(self, server: Server, caller: Api, id: str) -> None:
        self.server, self.caller, self.id = server, caller, id
        self.tree = Tree()
        self.open: list[Node] = []
        self.deleted: list[Node] = []
        self.said = 0

    async def do(self, step: Step) -> None:
        """Do one step on both, if there is something to do it to, and compare."""
        kind, pick, ending = step
        role = {"edit": "USER", "regenerate": "ASSISTANT"}.get(kind)
        nodes = sorted(self.tree.nodes(), key=lambda node: node.id)
        chosen = [node for node in nodes if role in (None, node.role)]
        if kind in ("send", "group"):
            await self.send(kind == "group", ending)
        elif kind == "undo":
            await self.undo(pick)
        elif chosen:
            await getattr(self, kind)(chosen[pick % len(chosen)], ending)
        await self.compare()

    # -- steps -----------------------------------------------------------------------------

    async def send(self, group: bool, ending: str) -> None:
        models: dict[str, Any] = {"models": MODELS} if group else {}
        to = {"conversationId": self.id}
        sent = await self.caller.do(
            "sendMessage", SENT, to=to, content=self.words(), supersede=True, **models
        )
        self.end_open()
        await self.answered(self.tree.tail(), sent, ending)

    async def edit(self, node: Node, ending: str) -> None:
        sent = await self.caller.do(
            "editMessage", SENT, id=node.id, content=self.words(), supersede=True
        )
        self.end_open()
        assert node.parent is not None
        await self.answered(node.parent, sent, ending)

    async def regenerate(self, node: Node, ending: str) -> None:
        sent = await self.caller.do("regenerateMessage", SENT, id=node.id, supersede=True)
        self.end_open()
        assert node.parent is not None
        assert sent["message"]["id"] == node.parent.id
        (reply,) = sent["replies"]
        new = self.tree.add(node.parent, Node(reply["id"], "ASSISTANT", "", source=node))
        self.open.append(new)
        await self.end(ending)

    async def switch(self, node: Node, _ending: str) -> None:
        assert node.parent is not None
        selected = node.parent.selected
        for sibling in node.parent.children:
            if sibling is not selected:
                given = {"id": node.id, "expectedId": sibling.id}
                refused = await refusal(self.caller, "selectBranch", **given)
                assert refused == ("CONFLICT", "expectedId")
        expected = {"expectedId": selected.id} if selected else {}
        await self.caller.do("selectBranch", "{ message { onBranch } }", id=node.id, **expected)
        self.tree.show(node)

    async def delete(self, node: Node, _ending: str) -> None:
        await self.caller.do("deleteMessage", "{ deletedMessageId }", id=node.id)
        self.end_open([one for one in self.open if node in self.tree.path(one)])
        self.tree.remove(node)
        self.deleted.append(node)

    async def undo(self, pick: int) -> None:
        """Undo a deletion, unless what it hangs on was deleted too."""
        if not self.deleted:
            return
        node = self.deleted[pick % len(self.deleted)]
        found = (await self.caller.run(DELETIONS))["deletions"]["nodes"]
        (id,) = (one["id"] for one in found if one["subjectId"] == node.id)
        assert node.parent is not None
        if node.parent is not self.tree.root and node.parent not in self.tree.nodes():
            assert await refusal(self.caller, "undoDeletion", id=id) == ("CONFLICT", None)
            return
        back = await self.caller.do("undoDeletion", "{ message { id } conversation { id } }", id=id)
        assert back == {"message": {"id": node.id}, "conversation": {"id": self.id}}
        self.tree.put_back(node)
        self.deleted.remove(node)

    async def fork(self, node: Node, _ending: str) -> None:
        if node in self.open:
            refused = await refusal(self.caller, "forkConversation", messageId=node.id)
            assert refused == ("CONFLICT", "messageId")
            return
        page = "messages(first: 100) { nodes { content orderId } }"
        made = await self.caller.do(
            "forkConversation", f"{{ conversation {{ {page} }} }}", messageId=node.id
        )
        copied = made["conversation"]["messages"]["nodes"]
        texts = [one.text for one in self.tree.path(node)]
        assert [one["content"] for one in copied] == texts
        assert [one["orderId"] for one in copied] == list(range(1, len(texts) + 1))

    # -- answers ---------------------------------------------------------------------------

    def words(self) -> str:
        self.said += 1
        return f"Say {self.said}"

    async def answered(self, parent: Node, sent: Any, ending: str) -> None:
        """Note a sent message and its replies, the first of which is shown, and end these."""
        asked = self.tree.add(parent, Node(sent["message"]["id"], "USER", f"Say {self.said}"))
        for number, reply in enumerate(sent["replies"]):
            node = Node(reply["id"], "ASSISTANT", "")
            self.open.append(self.tree.add(asked, node, shown=number == 0))
        await self.end(ending)

    async def end(self, ending: str) -> None:
        """Have all open answers end in one way."""
        if ending == "left":
            return
        if ending == "stopped":
            for node in self.open:
                await self.caller.do("stopMessage", "{ __typename }", id=node.id)
            self.end_open()
            return
        actor = actor_of(self.server, None)
        for lease in await claim_generations(actor, "worker", 9, 9, LEASE):
            await self.finish(lease, ending)

    async def finish(self, lease: Lease, ending: str) -> None:
        (node,) = (one for one in self.open if one.id == lease.message_id)
        actor = actor_of(self.server, None)
        if ending == "answered":
            node.text = f"Answer {node.id}"
            parts = [{"kind": "text", "text": node.text}]
            assert await finish_generation(actor, lease, Answer(parts, "stop"))
            self.open.remove(node)
            return
        if ending == "broken":
            window = Window(lease.generation_id, node.id, lease.epoch, 0, 0, "text", "Half")
            async with actor.database.connection() as connection:
                assert await chunks.append(connection, [window])
        assert await give_up_generation(actor, lease, Failure("It broke."))
        node.text = "It broke."
        if ending == "broken":
            self.open.remove(node)
        else:
            self.end_open([node])

    def end_open(self, some: list[Node] | None = None) -> None:
        """Open answers end without a word: those that took another's place give it back."""
        for node in sorted(some if some is not None else self.open, key=lambda one: one.id):
            self.open.remove(node)
            assert node.parent is not None
            if node.source in node.parent.children and node.parent.selected is node:
                node.parent.selected = node.source

    # -- comparing -------------------------------------------------------------------------

    async def compare(self) -> None:
        """The rows and the API tell what the model does."""
        rows = await self.server.sql(ROWS, self.id)
        nodes = {node.id: node for node in self.tree.nodes()}
        branch = [node.id for node in self.tree.branch()]
        orders = {row["id"]: row["order_id"] for row in rows}
        assert {row["id"]: row["content"] for row in rows} == {
            id: node.text for id, node in nodes.items()
        }
        for row in rows:
            parent = nodes[row["id"]].parent
            assert parent is not None
            assert (row["parent_id"] or "") == parent.id
            assert row["selected"] == (parent.selected is nodes[row["id"]])
            assert row["on_branch"] == (row["id"] in branch)
            assert row["order_id"] > orders.get(parent.id, 0)
            assert (row["status"] != "COMPLETE") == (nodes[row["id"]] in self.open)
        shown = (await self.caller.run(READ, id=self.id))["conversation"]["messages"]["nodes"]
        assert [one["id"] for one in shown] == branch
        for one in shown:
            siblings = [child.id for child in nodes[one["id"]].parent.children]  # type: ignore[union-attr]
            assert [sibling["id"] for sibling in one["siblings"]] == siblings


async def test_the_tree_is_what_a_simple_model_says(start_server: StartServer) -> None:
    server = await start_server(worker=False)
    ada, loop = server.user(), asyncio.get_running_loop()

    async def follow(steps: list[Step]) -> None:
        made = await ada.do("createConversation", "{ conversation { id } }")
        talk = Talk(server, ada, made["conversation"]["id"])
        for step in steps:
            await talk.do(step)
        await ada.do("deleteConversation", "{ __typename }", id=talk.id)

    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    @given(STEPS)
    def check(steps: list[Step]) -> None:
        asyncio.run_coroutine_threadsafe(follow(steps), loop).result()

    await asyncio.to_thread(check)
