"""Rate limits: exact in every window, at its edge, over servers, and swept when they are over."""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models.accounts.rate_limits import (
    KEPT,
    LOOKED_BACK,
    SOON_AFTER,
    SWEPT,
    Limit,
    count_try,
    forget_short_windows,
    forget_windows,
)
from models.errors import Conflict, RateLimited
from models.transaction import Transaction
from models.verbs import Actor, verb
from tests.harness.api import Server, StartServer
from tests.harness.clock import FakeClock
from tests.harness.eventually import eventually
from tests.harness.verbs import actor_of

EXAMPLES = int(os.environ.get("FUZZ_ROUNDS", "1")) * 60
MINUTE = timedelta(minutes=1)
VERIFY = "mutation($t: String!) { verifyEmail(input: {token: $t}) { email } }"
ROWS = "SELECT key, count, window_start, limit_count, window_ms FROM rate_limit ORDER BY key"
MANY = """\
INSERT INTO rate_limit (id, created_at, updated_at, key, count, window_start, limit_count,
    window_ms)
SELECT 'rlm_' || lpad(n::text, 26, '0'), $1, $1, 'key ' || n, 1, $1, 5, $2
FROM generate_series(1, $3::int) n"""


async def tried(actor: Actor | Transaction, *limits: Limit) -> float | None:
    """None for a try that was let in, else the seconds to wait."""
    try:
        await count_try(actor, limits)
    except RateLimited as refused:
        assert refused.retry_after is not None
        return refused.retry_after
    return None


async def guesses(servers: list[Server], count: int) -> int:
    """How many of so many parallel tries, on all servers in turn, were let in."""
    callers = [servers[number % len(servers)].nobody() for number in range(count)]
    codes = await asyncio.gather(
        *(caller.code(VERIFY, t=f"guess {number}") for number, caller in enumerate(callers))
    )
    assert set(codes) <= {"INVALID", "RATE_LIMITED"}
    return codes.count("INVALID")


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


async def test_parallel_tries_on_two_servers_are_counted_exactly(
    start_server: StartServer, clock: FakeClock
) -> None:
    limits = {"worker": False, "address_tries": 50, "tries_window": 60.0, "clock": clock}
    servers = [await start_server(**limits) for _ in range(2)]
    assert await guesses(servers, 100) == 50
    clock.advance(milliseconds=59_999)
    assert await guesses(servers, 50) == 0, "a millisecond before the edge"
    clock.advance(milliseconds=1)
    assert await guesses(servers, 200) == 50, "at the edge"
    (row,) = await servers[0].sql(ROWS)
    assert (row["count"], row["window_start"]) == (50, clock.now())


async def test_no_window_takes_more_while_the_time_passes_its_edge(
    start_server: StartServer,
) -> None:
    """Each look at the clock is a millisecond: of 200 tries the first come before the edge."""
    clock = FakeClock(tick=timedelta(milliseconds=1))
    limits = {"worker": False, "address_tries": 50, "tries_window": 60.0, "clock": clock}
    servers = [await start_server(**limits) for _ in range(2)]
    assert await guesses(servers, 30) == 30
    (first,) = await servers[0].sql(ROWS)
    left = first["window_start"] + MINUTE - clock.now()
    clock.advance(seconds=left.total_seconds() - 0.1)
    assert 50 <= await guesses(servers, 200) <= 20 + 50
    (row,) = await servers[0].sql(ROWS)
    assert row["window_start"] >= first["window_start"] + MINUTE
    assert row["count"] == 50


async def test_a_window_keeps_its_limit_until_it_ends(
    start_server: StartServer, clock: FakeClock
) -> None:
    actor = actor_of(await start_server(worker=False, clock=clock), None)
    for most in (2, 100):
        assert await tried(actor, Limit("key", most, MINUTE)) is None
    clock.advance(seconds=20)
    assert await tried(actor, Limit("key", 100, MINUTE)) == 40
    clock.advance(seconds=40)
    assert await tried(actor, Limit("key", 1, MINUTE)) is None
    assert await tried(actor, Limit("key", 100, MINUTE)) == 60


async def test_of_several_keys_none_is_counted_where_one_has_no_room(
    start_server: StartServer, clock: FakeClock
) -> None:
    server = await start_server(worker=False, clock=clock)
    actor, full = actor_of(server, None), Limit("full", 1, MINUTE)
    assert await tried(actor, full) is None
    assert await tried(actor, Limit("a", 5, MINUTE), full, Limit("z", 5, MINUTE)) == 60
    assert [(row["key"], row["count"]) for row in await server.sql(ROWS)] == [("full", 1)]
    assert await tried(actor, Limit("two", 5, MINUTE, by=3)) is None
    assert await tried(actor, Limit("two", 5, MINUTE, by=3)) == 60, "both or none"
    assert await tried(actor, Limit("two", 5, MINUTE, by=2)) is None


async def test_keys_in_any_order_do_not_block_each_other(
    start_server: StartServer, clock: FakeClock
) -> None:
    """A deadlock would be tried again, a second later: PostgreSQL counts them."""
    servers = [await start_server(worker=False, clock=clock) for _ in range(2)]
    keys = [f"key {number}" for number in range(20)]
    limits = [Limit(key, 1_000, MINUTE) for key in keys]
    await asyncio.gather(
        *(
            count_try(actor_of(servers[number % 2], None), limits[:: 1 if number % 3 else -1])
            for number in range(60)
        )
    )
    assert {row["count"] for row in await servers[0].sql(ROWS)} == {60}
    (found,) = await servers[0].sql(
        "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
    )
    assert found["deadlocks"] == 0


@verb.needing(None)
async def try_and_fail(tx: Transaction) -> None:
    """A verb that counts, and then fails."""
    await count_try(tx, [Limit("inside", 1, MINUTE)])
    raise Conflict("After it was counted.")


async def test_a_try_inside_a_verb_that_fails_is_not_counted(
    start_server: StartServer, clock: FakeClock
) -> None:
    server = await start_server(worker=False, clock=clock)
    for _ in range(3):
        with pytest.raises(Conflict):
            await try_and_fail(actor_of(server, None))
    assert await server.sql(ROWS) == []


@dataclass
class Model:
    """What the tables should hold: key → when its window began, count, limit, seconds."""

    windows: dict[str, tuple[int, int, int, int]] = field(
        default_factory=dict[str, tuple[int, int, int, int]]
    )

    def refuses(self, now: int, limits: list[tuple[str, int, int, int]]) -> int | None:
        """Count, or the seconds to wait."""
        new: dict[str, tuple[int, int, int, int]] = {}
        waits: list[int] = []
        for key, most, seconds, by in limits:
            begun, count, limit, length = self.windows.get(key, (now, 0, most, seconds))
            if begun + length <= now:
                begun, count, limit, length = now, 0, most, seconds
            new[key] = (begun, count + by, limit, length)
            if count + by > limit:
                waits.append(begun + length - now)
        if waits:
            return max(waits)
        self.windows |= new
        return None


TRY = st.tuples(
    st.sampled_from("abc"), st.integers(2, 5), st.integers(1, 90), st.sampled_from([1, 1, 1, 2])
)
STEP = st.tuples(
    st.integers(0, 40), st.lists(TRY, min_size=1, max_size=3, unique_by=lambda one: one[0])
)


async def test_any_sequence_is_counted_as_by_a_simple_model(start_server: StartServer) -> None:
    clock = FakeClock()
    servers = [await start_server(worker=False, clock=clock) for _ in range(2)]
    loop = asyncio.get_running_loop()

    async def tell(steps: list[tuple[int, list[tuple[str, int, int, int]]]]) -> None:
        await servers[0].sql("DELETE FROM rate_limit")
        model, start = Model(), clock.now()
        for number, (seconds, limits) in enumerate(steps):
            now = int((clock.advance(seconds=seconds) - start).total_seconds())
            given = [Limit(k, most, timedelta(seconds=s), by=by) for k, most, s, by in limits]
            waited = await tried(actor_of(servers[number % 2], None), *given)
            assert waited == model.refuses(now, limits)
        found = {
            row["key"]: (
                int((row["window_start"] - start).total_seconds()),
                row["count"],
                row["limit_count"],
                row["window_ms"] // 1_000,
            )
            for row in await servers[0].sql(ROWS)
        }
        assert found == model.windows

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        suppress_health_check=[HealthCheck.too_slow],
    )
    @given(st.lists(STEP, min_size=5, max_size=20))
    def walk(steps: list[Any]) -> None:
        asyncio.run_coroutine_threadsafe(tell(steps), loop).result()

    await asyncio.to_thread(walk)


async def test_windows_that_are_long_over_are_swept_by_the_batch(
    start_server: StartServer, clock: FakeClock
) -> None:
    server = await start_server(worker=False, clock=clock)
    actor = actor_of(server, None)
    await server.sql(MANY, clock.now(), 60_000, SWEPT + 1)
    week = timedelta(days=7)
    assert await tried(actor, Limit("long", 1, week)) is None
    clock.advance(seconds=KEPT.total_seconds() - 1)
    assert not await forget_windows(actor), "not a moment early"
    clock.advance(seconds=1)
    assert await forget_windows(actor), "there is more"
    assert not await forget_windows(actor)
    assert [row["key"] for row in await server.sql(ROWS)] == ["long"], "a window that runs stays"
    assert await tried(actor, Limit("long", 1, week)) is not None
    clock.advance(days=5)
    assert not await forget_windows(actor)
    assert await server.sql(ROWS) == []


async def test_short_windows_are_swept_soon(start_server: StartServer, clock: FakeClock) -> None:
    server = await start_server(worker=False, clock=clock)
    actor = actor_of(server, None)
    await server.sql(MANY, clock.now(), 60_000, SWEPT + 1)
    assert await tried(actor, Limit("long", 1, timedelta(days=1))) is None
    clock.advance(seconds=SOON_AFTER.total_seconds() - 1)
    assert not await forget_short_windows(actor), "not a moment early"
    clock.advance(seconds=1)
    assert await forget_short_windows(actor), "there is more"
    assert not await forget_short_windows(actor)
    assert [row["key"] for row in await server.sql(ROWS)] == ["long"], "a window that runs stays"
    await server.sql(MANY, clock.now(), 60_000, 3)
    clock.advance(seconds=(SOON_AFTER + LOOKED_BACK).total_seconds() + 1)
    assert not await forget_short_windows(actor)
    assert len(await server.sql(ROWS)) == 4, "what it missed is left to the other sweep"


async def test_a_window_that_begins_while_it_is_swept_stays(
    start_server: StartServer, clock: FakeClock
) -> None:
    server = await start_server(worker=False, clock=clock)
    actor, limit = actor_of(server, None), Limit("key 7", 5, MINUTE)
    await server.sql(MANY, clock.now(), 60_000, 20)
    clock.advance(days=3)
    async with server.services.database.transaction() as connection:
        tx = Transaction(connection, actor, "a test's", None)
        assert await tried(tx, limit) is None
        sweeping = asyncio.create_task(forget_windows(actor))
        waiting = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
        await eventually(lambda: server.sql(waiting))
    await sweeping
    assert [row["key"] for row in await server.sql(ROWS)] == ["key 7"]


@pytest.mark.parametrize("after", [{"days": 3}, {"hours": 2}])
async def test_the_worker_sweeps(
    start_server: StartServer, clock: FakeClock, after: dict[str, float]
) -> None:
    server = await start_server(clock=clock, lease=0.3)
    await server.sql(MANY, clock.now(), 60_000, 3)
    clock.advance(**after)

    async def swept() -> bool:
        return not await server.sql(ROWS)

    await eventually(swept)
