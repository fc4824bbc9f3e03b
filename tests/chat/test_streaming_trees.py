"""Streams of a conversation's answers, whatever is done to its tree while they are written."""

from __future__ import annotations

import asyncio
import json
import random
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.harness.api import Api, Refused, StartServer
from tests.harness.eventually import eventually
from tests.harness.streaming import Text, message_of
from tests.harness.tools import TOOLS

DISCONNECTS = 200
READERS = 3  # of each answer
SENT = "{ message { id } replies { id } }"
CALLS = "query($id: ID!) { message(id: $id) { status toolCalls { id state } } }"
THOUGHT = "[[reasoning:first I think, 👩‍👩‍👧 then I write]]"
ASK = f"x {THOUGHT} [[tokens:120]] [[first:1ms]] [[delay:4ms]]"


@dataclass
class Crowd:
    """Readers of answers who leave and come back, on either server, some of them slow."""

    callers: list[Api]
    chance: random.Random
    texts: list[Text] = field(default_factory=list)
    gone: set[str] = field(default_factory=set)  # answers that were deleted
    reading: list[asyncio.Task[None]] = field(default_factory=list)

    def follow(self, sent: Any) -> list[str]:
        """Have all answers to what was sent be read; their ids."""
        ids = [reply["id"] for reply in sent["replies"]]
        texts = [Text(id) for id in ids for _ in range(READERS)]
        self.texts += texts
        self.reading += [asyncio.create_task(self._read(text)) for text in texts]
        return ids

    @property
    def disconnects(self) -> int:
        """How often somebody left before the end."""
        return sum(text.sessions - text.ended for text in self.texts)

    async def _read(self, text: Text) -> None:
        chance = self.chance
        while not text.ended and text.message not in self.gone:
            caller, events = chance.choice(self.callers), chance.choice((1, 2, 5, 50))
            try:
                async with asyncio.timeout(chance.choice((0.03, 0.1, 0.3))):
                    await text.follow(caller, events, pause=chance.choice((0, 0, 0.03)))
            except TimeoutError:
                await asyncio.sleep(chance.random() * 0.05)
            except Refused as refused:
                assert (refused.code, text.message in self.gone) == ("NOT_FOUND", True)


@dataclass
class Talk:
    """A conversation in which one thing after the other is done while answers are written."""

    crowd: Crowd
    id: str
    ask: str

    @property
    def caller(self) -> Api:
        """The user, on either server."""
        return self.crowd.chance.choice(self.crowd.callers)

    async def turn(self) -> None:
        """One of each."""
        first = await self.send(models=["mock:raypx-1", "mock:endless", "mock:tools"])
        replies = self.crowd.follow(first)
        await self.decided(replies[2])
        await self.caller.do("selectBranch", "{ __typename }", id=replies[1])
        await asyncio.sleep(0.1)
        await self.caller.do("stopMessage", "{ __typename }", id=replies[1])
        await self.over(replies[0], replies[2])
        anew = {"id": replies[0], "model": "mock:slow"}
        self.crowd.follow(await self.caller.do("regenerateMessage", SENT, **anew))
        await asyncio.sleep(0.1)
        edited = {"id": first["message"]["id"], "content": self.ask, "supersede": True}
        edit = await self.caller.do("editMessage", SENT, **edited, model="mock:tools")
        (waiting,) = self.crowd.follow(edit)
        await self.caller.do("selectBranch", "{ __typename }", id=replies[0])
        await self.decided(waiting)
        failing = await self.send(model="mock:fail")
        self.crowd.follow(failing)
        await asyncio.sleep(0.2)
        last = await self.send(model="mock:endless")
        doomed = self.crowd.follow(last)
        await asyncio.sleep(0.1)
        self.crowd.gone.update(doomed)
        await self.caller.do("deleteMessage", "{ __typename }", id=last["message"]["id"])

    async def send(self, **how: Any) -> Any:
        """A message at the end of the branch, instead of what is being answered."""
        to = {"conversationId": self.id}
        given = {"to": to, "content": self.ask, "supersede": True}
        return await self.caller.do("sendMessage", SENT, **given, **how)

    async def decided(self, id: str) -> None:
        """Approve one call of an answer once it waits, and deny the other."""

        async def look() -> Any:
            calls = (await self.caller.run(CALLS, id=id))["message"]["toolCalls"]
            return [call["id"] for call in calls if call["state"] == "AWAITING_APPROVAL"]

        approved, denied = await eventually(look, 20)
        await self.caller.do("approveToolCall", "{ __typename }", id=approved)
        await self.caller.do("denyToolCall", "{ __typename }", id=denied)

    async def over(self, *ids: str) -> None:
        """Wait until answers are complete."""

        async def look() -> bool:
            found = [(await self.caller.run(CALLS, id=id))["message"] for id in ids]
            return all(one["status"] == "COMPLETE" for one in found)

        await eventually(look, 20)


async def test_two_hundred_disconnects_in_a_changing_tree_lose_nothing(
    start_server: StartServer, tmp_path: Path
) -> None:
    settings = {"tools": TOOLS, "user_slots": 100, "worker_slots": 100}
    servers = [await start_server(**settings), await start_server(**settings)]
    callers = [server.user() for server in servers]
    call = f"[[call:delete {json.dumps({'to': str(tmp_path / 'notes')})}]]"
    crowd = Crowd(callers, random.Random(11))  # noqa: S311 - repeatable on purpose
    made = await callers[0].do("createConversation", "{ conversation { id } }")
    talk = Talk(crowd, made["conversation"]["id"], ASK + call * 2)
    async with asyncio.timeout(120):
        while crowd.disconnects < DISCONNECTS:
            await talk.turn()
        crowd.follow(await talk.send(model="mock:fail"))
        await asyncio.gather(*crowd.reading)
    kinds, outcomes = set[str](), set[str]()
    for text in crowd.texts:
        if text.message in crowd.gone:
            continue
        stored = await message_of(callers[0], text.message)
        outcomes.add(stored["outcome"])
        kinds.update(part["kind"] for part in stored["parts"] or ())
        assert text.same_as(stored)
        late = Text(text.message)
        await late.follow(callers[1])
        assert late.same_as(stored)
    assert outcomes == {"SUCCEEDED", "FAILED", "CANCELED"}
    assert kinds == {"text", "reasoning", "tool_call", "tool_result"}
