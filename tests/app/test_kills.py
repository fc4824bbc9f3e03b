"""kill -9 of servers and workers while they write: every answer ends, and no reader is lied to."""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientError, ClientSession

from tests.harness.api import Api, Refused
from tests.harness.eventually import eventually
from tests.harness.fleet import LEASE, Fleet, Member
from tests.harness.nursery import nursery
from tests.harness.processes import ask
from tests.harness.streaming import Text, message_of
from tests.harness.tools import TOOLS, lines

KILLS = 50
READERS = 9
OVERDUE = 4.0  # seconds a lease may be over: reapers look every LEASE / 3, on a busy machine
SETTLED = LEASE + OVERDUE + 6.0  # from the last kill on: a lease, and one more try
ENDED = 3 * (LEASE + OVERDUE) + 10.0  # three tries

ASK = "Build me a page [[tokens:150]] [[first:20ms]] [[delay:6ms]]"
CALLING = 2  # of each three messages, the one that has tools called
REPLIES = "{ replies { id } }"
CALLS = "query($id: ID!) { message(id: $id) { outcome toolCalls { id state } } }"
DECIDED = ("CONFLICT", "NOT_FOUND")  # of a decision whose answer a kill has swallowed


@dataclass
class Reader:
    """Sends messages and follows the answers, whoever is killed meanwhile.

    In turns an app's, two models' side by side, and one that waits for its call to be approved.
    """

    fleet: Fleet
    name: str
    more: asyncio.Event  # cleared when no more is to be asked
    notes: Path
    numbers: itertools.count[int] = field(default_factory=itertools.count)
    sent: int = 0
    answers: list[Text] = field(default_factory=list)

    async def run(self) -> None:
        while self.more.is_set():
            number = next(self.numbers)
            ids = await self._sent(number)
            approving = [self._approve(id) for id in ids if number % 3 == CALLING]
            await asyncio.gather(*map(self._read, ids), *approving)

    async def _sent(self, number: int) -> list[str]:
        """Send once, however often it takes: the key says that it is the same."""
        calls = "".join(f"[[call:delete {json.dumps({'to': str(self.notes)})}]]" for _ in range(2))
        mutation, given = (
            ("createProjectWithMessage", {}),
            ("startConversation", {"models": ["mock:raypx-1", "mock:slow"]}),
            ("startConversation", {"model": "mock:tools", "content": f"{ASK} {calls}"}),
        )[number % 3]
        told = {"content": ASK, "idempotencyKey": f"{self.name}-{number}"} | given
        made = await self._made(mutation, REPLIES, **told)
        self.sent += 1
        return [reply["id"] for reply in made["replies"]]

    async def _made(self, mutation: str, selection: str, **given: Any) -> Any:
        """What a mutation gives, asked for as often as servers die of it."""
        while True:
            try:
                return await self._api().do(mutation, selection, **given)
            except (ClientError, OSError):
                await asyncio.sleep(0.05)

    async def _read(self, id: str) -> None:
        text = Text(id)
        await eventually(lambda: self._followed(text), ENDED)
        self.answers.append(text)

    async def _followed(self, text: Text) -> bool:
        """Read on from the cursor; whether the end was reached."""
        try:
            await text.follow(self._api())
        except Refused as refused:
            if refused.code != "UNAVAILABLE":
                raise
        except (ClientError, OSError, TypeError, AssertionError):  # the last two: a close frame
            pass
        return text.ended

    async def _approve(self, id: str) -> None:
        """Approve the calls of an answer until it has ended."""
        while True:
            try:
                found = (await self._api().run(CALLS, id=id))["message"]
            except (ClientError, OSError):
                await asyncio.sleep(0.05)
                continue
            if found["outcome"] not in (None, "AWAITING_APPROVAL"):
                return
            for call in found["toolCalls"]:
                if call["state"] == "AWAITING_APPROVAL":
                    await self._decide(call["id"])
            await asyncio.sleep(0.3)

    async def _decide(self, call: str) -> None:
        try:
            await self._made("approveToolCall", "{ toolCall { id } }", id=call)
        except Refused as refused:
            if refused.code not in DECIDED:
                raise

    def _api(self) -> Api:
        return self.fleet.api(self.name)


@pytest.fixture
async def fleet(database: str, tmp_path: Path) -> AsyncIterator[Fleet]:
    async with nursery(tmp_path) as made, ClientSession() as session:
        yield Fleet(made, database, session, {"tools": json.dumps(TOOLS)})


async def test_fifty_kills_lose_nothing(fleet: Fleet, tmp_path: Path) -> None:
    await asyncio.gather(*(fleet.start(kind) for kind in ("serve", "serve", "worker", "worker")))
    more, notes = asyncio.Event(), tmp_path / "notes"
    more.set()
    readers = [Reader(fleet, f"reader{number}", more, notes) for number in range(READERS)]
    async with asyncio.TaskGroup() as group:
        for reader in readers:
            group.create_task(reader.run())
        await _kill_all_the_time(fleet)
        more.clear()
        last = time.monotonic()
    assert time.monotonic() - last < SETTLED
    answers = [answer for reader in readers for answer in reader.answers]
    for reader in readers:
        api = fleet.api(reader.name)
        for answer in reader.answers:
            whole = await message_of(api, answer.message)
            assert whole["status"] == "COMPLETE"
            assert whole["content"] != ""
            assert answer.same_as(whole)
    assert len(answers) > KILLS / 2
    assert sum(answer.sessions - 1 for answer in answers) > KILLS / 4
    assert sum(answer.resets for answer in answers) > KILLS / 4
    states = "SELECT count(*) FROM generation WHERE state <> 'DONE'"
    assert await ask(fleet.database, states) == 0
    made = "SELECT count(*) FROM conversation"
    assert await ask(fleet.database, made) == sum(reader.sent for reader in readers)
    done = "SELECT array_agg(id) FROM tool_call WHERE state = 'SUCCEEDED'"
    assert set(await ask(fleet.database, done)) <= set(lines(notes)), "they were made"


async def _kill_all_the_time(fleet: Fleet) -> None:
    starting: set[asyncio.Task[Member]] = set()
    for kind in itertools.islice(itertools.cycle(("serve", "worker")), KILLS):
        victim = await _at_work(fleet, kind)
        await fleet.kill(victim)
        starting.add(asyncio.create_task(fleet.start(kind)))
        await _nothing_overdue(fleet)
        done = {one for one in starting if one.done()}
        starting -= done
        for one in done:
            one.result()
    await asyncio.gather(*starting)


async def _at_work(fleet: Fleet, kind: str) -> Member:
    """The oldest of its kind, once it writes an answer and is not the last one."""
    async with asyncio.timeout(30):
        while True:
            found = [member for member in fleet.members if member.kind == kind]
            if len(found) > 1 and await ask(
                fleet.database,
                "SELECT count(*) FROM generation g JOIN message_chunk c USING (message_id)"
                f" WHERE g.state = 'RUNNING' AND g.worker LIKE '%:{found[0].child.pid}:%'",
            ):
                return found[0]
            await asyncio.sleep(0.05)


async def _nothing_overdue(fleet: Fleet) -> None:
    late = await ask(
        fleet.database,
        "SELECT extract(epoch FROM now() - min(lease_until))::float FROM generation"
        " WHERE state = 'RUNNING'",
    )
    assert late is None or late < OVERDUE
