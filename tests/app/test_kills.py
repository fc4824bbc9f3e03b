"""kill -9 of servers and workers while they write: every answer ends, and no reader is lied to."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from aiohttp import ClientError, ClientSession

from tests.harness.api import Api, Refused
from tests.harness.eventually import eventually
from tests.harness.fleet import LEASE, Fleet, Member
from tests.harness.nursery import nursery
from tests.harness.processes import ask

KILLS = 50
READERS = 12
OVERDUE = 4.0  # seconds a lease may be over: reapers look every LEASE / 3, on a busy machine
SETTLED = LEASE + OVERDUE + 6.0  # from the last kill on: a lease, and one more try
ENDED = 3 * (LEASE + OVERDUE) + 10.0  # three tries

STREAM = """subscription($id: ID!, $after: String) {
  messageStreamed(messageId: $id, after: $after) { kind text cursor reset } }"""
WHOLE = "query($id: ID!) { message(id: $id) { status outcome content } }"
ASK = "Build me a page [[tokens:150]] [[delay:6ms]]"


@dataclass
class Answer:
    """What one reader has of one answer, over all its connections."""

    id: str
    text: str = ""
    cursor: str | None = None
    connections: int = 0
    resets: int = 0


@dataclass
class Reader:
    """Sends messages and follows the answers, whoever is killed meanwhile."""

    fleet: Fleet
    name: str
    more: asyncio.Event  # cleared when no more is to be asked
    numbers: itertools.count[int] = field(default_factory=itertools.count)
    answers: list[Answer] = field(default_factory=list)
    slowest: float = 0.0

    async def run(self) -> None:
        while self.more.is_set():
            started = time.monotonic()
            answer = Answer(await self._sent(f"{self.name}-{next(self.numbers)}"))
            await eventually(lambda answer=answer: self._followed(answer), ENDED)
            self.slowest = max(self.slowest, time.monotonic() - started)
            self.answers.append(answer)

    async def _sent(self, key: str) -> str:
        """Send once, however often it takes: the key says that it is the same."""
        while True:
            try:
                made = await self._api().do(
                    "createProjectWithMessage", "{ reply { id } }", content=ASK, idempotencyKey=key
                )
            except (ClientError, OSError):
                await asyncio.sleep(0.05)
            else:
                return made["reply"]["id"]

    async def _followed(self, answer: Answer) -> bool:
        """Read on from the cursor; whether the end was reached."""
        answer.connections += 1
        try:
            async with self._api().listen(STREAM, id=answer.id, after=answer.cursor) as events:
                async for event in events:
                    if event["reset"]:
                        answer.text = ""
                        answer.resets += 1
                    answer.text += event["text"]
                    answer.cursor = event["cursor"]
        except Refused as refused:
            if refused.code != "UNAVAILABLE":
                raise
            return False
        except (ClientError, OSError, TypeError, AssertionError):  # the last two: a close frame
            return False
        return True

    def _api(self) -> Api:
        return self.fleet.api(self.name)


@pytest.fixture
async def fleet(database: str, tmp_path: Path) -> AsyncIterator[Fleet]:
    async with nursery(tmp_path) as made, ClientSession() as session:
        yield Fleet(made, database, session)


async def test_fifty_kills_lose_nothing(fleet: Fleet) -> None:
    await asyncio.gather(*(fleet.start(kind) for kind in ("serve", "serve", "worker", "worker")))
    more = asyncio.Event()
    more.set()
    readers = [Reader(fleet, f"reader{number}", more) for number in range(READERS)]
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
            whole = (await api.run(WHOLE, id=answer.id))["message"]
            assert whole["status"] == "COMPLETE"
            assert whole["content"] == answer.text != ""
    assert len(answers) > KILLS / 2
    assert sum(answer.connections - 1 for answer in answers) > KILLS / 4
    assert sum(answer.resets for answer in answers) > KILLS / 4
    states = "SELECT count(*) FROM generation WHERE state <> 'DONE'"
    assert await ask(fleet.database, states) == 0
    made = "SELECT count(*) FROM project"
    assert await ask(fleet.database, made) == len(answers)  # sent again, made once


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
