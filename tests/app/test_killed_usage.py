"""kill -9 of servers and workers while they answer: no call is counted twice, and none is lost."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from aiohttp import ClientError, ClientSession

from models.billing.usage_events import ModelCall, Purpose
from tests.harness.eventually import eventually
from tests.harness.fleet import LEASE, Fleet
from tests.harness.nursery import nursery
from tests.harness.tools import TOOLS

KILLS = 9
ASKERS = 6
ASK = "Count it [[tokens:40]] [[first:10ms]] [[delay:5ms]] "
CALL = f"[[rounds:2]] [[call:add {json.dumps({'a': 1, 'b': 2})}]]"
SETTLED = 3 * (LEASE + 4.0) + 10.0  # seconds for three tries

UNSETTLED = "SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM message WHERE status <> 'COMPLETE')"
ANSWERS = """\
SELECT m.id, m.usage, g.id AS generation_id, g.epoch,
    (SELECT count(DISTINCT step) FROM tool_call WHERE message_id = m.id) + 1 AS calls
FROM message m JOIN generation g ON g.message_id = m.id WHERE m.outcome = 'SUCCEEDED'"""
EVENTS = """\
SELECT id, message_id, quantity, measured FROM usage_event WHERE feature = 'chat'"""


@pytest.fixture
async def fleet(database: str, tmp_path: Path) -> AsyncIterator[Fleet]:
    """Servers and workers whose models have tools."""
    async with nursery(tmp_path) as made, ClientSession() as session:
        yield Fleet(made, database, session, {"tools": json.dumps(TOOLS)})


async def keep_asking(fleet: Fleet, name: str, more: asyncio.Event) -> None:
    """Ask one thing after the other, whoever is killed meanwhile."""
    number = 0
    while more.is_set():
        number += 1
        call = number % 2 == 0
        given = {"content": ASK + (CALL if call else ""), "idempotencyKey": f"{name}-{number}"}
        model = "mock:tools" if call else "mock:raypx-1"
        await _asked(fleet, name, model=model, **given)
        await asyncio.sleep(0.3)


async def _asked(fleet: Fleet, name: str, **given: Any) -> None:
    while True:
        try:
            await fleet.api(name).do("startConversation", "{ reply { id } }", **given)
        except (ClientError, OSError):
            await asyncio.sleep(0.05)
        else:
            return


async def rows_of(fleet: Fleet, query: str) -> list[Any]:
    """Rows straight from the database."""
    there = await asyncpg.connect(fleet.database)
    try:
        return await there.fetch(query)
    finally:
        await there.close()


async def test_no_call_of_an_answer_is_lost_or_counted_twice(fleet: Fleet) -> None:
    await asyncio.gather(*(fleet.start(kind) for kind in ("serve", "serve", "worker")))
    more = asyncio.Event()
    more.set()
    async with asyncio.TaskGroup() as group:
        for number in range(ASKERS):
            group.create_task(keep_asking(fleet, f"asker{number}", more))
        for number in range(KILLS):
            await asyncio.sleep(0.5)
            victim = fleet.members[number % len(fleet.members)]
            await fleet.kill(victim)
            await fleet.start(victim.kind)
        more.clear()
    await eventually(lambda: rows_of(fleet, UNSETTLED), SETTLED)
    answers, events = await rows_of(fleet, ANSWERS), await rows_of(fleet, EVENTS)
    assert len(answers) > ASKERS
    for answer in answers:
        _check(answer, [event for event in events if event["message_id"] == answer["id"]])
    assert any(answer["epoch"] > 1 for answer in answers), "some were begun again"


def _check(answer: Any, events: list[Any]) -> None:
    """Each call of a try has one event at most, and each that the answer has, has its own."""
    known, measured = _calls(answer), dict[int, set[int]]()
    for event in events:
        number = known[event["id"]]
        if event["measured"]:
            measured.setdefault(number, set()).add(event["quantity"])
        else:
            assert event["quantity"] == 0
    assert measured.keys() == {*range(answer["calls"])}, "none is lost"
    # The mock model says the same each time that it is asked the same.
    usage = json.loads(answer["usage"])
    told = usage["inputTokens"] + usage["outputTokens"]
    assert sum(sum(quantities) for quantities in measured.values()) == told
    if answer["epoch"] == 1:
        assert len(events) == answer["calls"]


def _calls(answer: Any) -> dict[str, int]:
    """The ids of the events that an answer's calls can have, and the number of each call."""
    tries, calls = range(1, answer["epoch"] + 1), range(answer["calls"])
    what = "", "", answer["id"], "chat", answer["generation_id"]
    return {
        Purpose(*what, epoch).event_id(ModelCall("", number)): number
        for epoch in tries
        for number in calls
    }
