"""A hundred senders on two servers, and kill -9 of servers and workers: nobody gets more than the
allowance, nothing stays held, and the books balance."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from aiohttp import ClientError, ClientSession

from tests.harness.api import Refused
from tests.harness.crediting import MODELS, balanced
from tests.harness.eventually import eventually
from tests.harness.fleet import Fleet
from tests.harness.nursery import nursery

USERS, SENDERS, TIMES = 10, 100, 3
ALLOWANCE = 8
KILLS = 8
ASK = "Hi [[first:20ms]] [[delay:5ms]] [[tokens:60]]"
SHOWN = "{ reply { id } }"
STOPPED = 4  # one of so many is stopped right away


@pytest.fixture
async def fleet(database: str, tmp_path: Path) -> AsyncIterator[Fleet]:
    settings = {
        "credits": "true",
        "models": json.dumps(MODELS),
        "model_multipliers": "{}",
        "free_credits": ALLOWANCE,
    }
    async with nursery(tmp_path) as made, ClientSession() as session:
        yield Fleet(made, database, session, settings)


async def test_a_hundred_senders_and_kills_leave_the_books_balanced(
    fleet: Fleet, database: str
) -> None:
    await asyncio.gather(*(fleet.start(kind) for kind in ("serve", "serve", "worker", "worker")))
    senders = [asyncio.create_task(_send(fleet, number)) for number in range(SENDERS)]
    await _kill(fleet)
    outcomes = list(itertools.chain(*await asyncio.gather(*senders)))
    assert outcomes.count("OUT_OF_CREDITS") > 0
    async with asyncpg.create_pool(database, min_size=1, max_size=1) as pool:

        async def sql(query: str) -> list[dict[str, Any]]:
            return [dict(row) for row in await pool.fetch(query)]

        await eventually(lambda: _all_ended(sql), 60)
        await balanced(sql)
        rows = await sql("SELECT granted, points, reserved, spent FROM usage")
        assert len(rows) == USERS
        for row in rows:
            assert (row["granted"], row["reserved"], row["points"] >= 0) == (ALLOWANCE, 0, True)
        open_ = await sql("SELECT id FROM credit_reservation WHERE state = 'open'")
        assert open_ == []
        await _paid_for_what_they_got(sql, rows)


async def _send(fleet: Fleet, number: int) -> list[str]:
    """Send some messages, each once however often it takes, and stop some of the answers."""
    outcomes: list[str] = []
    for turn in range(TIMES):
        given = {"content": ASK, "model": "mock:slow", "idempotencyKey": f"{number}-{turn}"}
        user = f"user{number % USERS}"
        made = await _tried(fleet, user, "startConversation", given)
        outcomes.append(made if isinstance(made, str) else "sent")
        if not isinstance(made, str) and number % STOPPED == 0:
            await _tried(fleet, user, "stopMessage", {"id": made["reply"]["id"]})
    return outcomes


async def _tried(fleet: Fleet, user: str, mutation: str, given: dict[str, Any]) -> Any:
    """What a mutation gives, or the code of its refusal, asked as often as servers die of it."""
    shown = SHOWN if mutation == "startConversation" else "{ __typename }"
    while True:
        try:
            return await fleet.api(user).do(mutation, shown, **given)
        except Refused as refused:
            if refused.code not in ("UNAVAILABLE", "TIMEOUT"):
                return refused.code
        except (ClientError, OSError):
            pass
        await asyncio.sleep(0.05)


async def _kill(fleet: Fleet) -> None:
    """Kill the oldest of each kind in turn, and start another in its place."""
    for kind in itertools.islice(itertools.cycle(("serve", "worker")), KILLS):
        victim = next(member for member in fleet.members if member.kind == kind)
        await fleet.kill(victim)
        await fleet.start(kind)


async def _all_ended(sql: Any) -> bool:
    return not await sql("SELECT id FROM generation WHERE state <> 'DONE' LIMIT 1")


async def _paid_for_what_they_got(sql: Any, rows: list[dict[str, Any]]) -> None:
    """Each answer that is there was paid for once, and no other."""
    answers = await sql(
        "SELECT r.state, m.outcome, m.content <> '' AS words FROM message m "
        "LEFT JOIN credit_reservation r ON r.subject_id = m.id WHERE m.role = 'ASSISTANT'"
    )
    for answer in answers:
        got = answer["outcome"] == "SUCCEEDED" or (
            answer["outcome"] == "CANCELED" and answer["words"]
        )
        assert answer["state"] == ("settled" if got else "released"), answer
    paid = sum(1 for answer in answers if answer["state"] == "settled")
    assert sum((row["spent"] for row in rows), Decimal(0)) == paid > USERS
