"""Daily limits: exact, counted with what they count, and over at midnight of the zone."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from app.config import Settings
from models.billing.anonymous_usage import forget_days
from models.billing.daily_limits import day_of
from tests.harness.accounts import guest_of
from tests.harness.api import Api, Refused, Server, StartServer
from tests.harness.clock import FakeClock
from tests.harness.uploading import announce
from tests.harness.verbs import actor_of

PRO = {"models": [{"id": "mock:raypx-1", "tier": "cheap"}, {"id": "mock:slow", "tier": "pro"}]}
LIMITS = """{ usageLimits {
  messages { limit used remaining resetsAt }
  proMessages { limit used remaining }
  uploads { limit used remaining }
} }"""
START = "{ conversation { id } message { id } reply { id } }"
MORE_COUNTERS = """\
INSERT INTO anonymous_usage (id, created_at, updated_at, anonymous_id, daily_message_count,
    daily_reset)
SELECT 'anu_' || lpad(n::text, 26, '0'), $1, $1, 'ip_' || n, 1, $1 FROM generate_series(1, 100) n"""
PLAIN: dict[str, Any] = {"daily_limits": True, "worker": False}


async def start(api: Api, **more: Any) -> Any:
    """Start a conversation with a message."""
    return await api.do("startConversation", START, **({"content": "Hello"} | more))


async def refused(api: Api, mutation: str, **values: Any) -> dict[str, Any]:
    """The extensions of the refusal of a mutation."""
    with pytest.raises(Refused) as caught:
        await api.do(mutation, "{ __typename }", **values)
    return caught.value.errors[0]["extensions"]


async def left(api: Api) -> dict[str, int | None]:
    """How much of each is left to a caller."""
    found = (await api.run(LIMITS))["usageLimits"]
    return {name: one and one["remaining"] for name, one in found.items()}


def test_the_defaults_are_those_that_were_promised() -> None:
    found = Settings()
    limits = found.guest_messages, found.user_messages, found.pro_messages, found.free_uploads
    assert (found.daily_limits, *limits) == (True, 5, 1_000, 500, 5)
    assert (found.daily_zone.key, found.guest_address_messages) == ("America/Los_Angeles", 5)


@pytest.mark.parametrize(
    ("zone", "now", "begins", "ends"),
    [
        ("America/Los_Angeles", "2026-03-08T09:30", "2026-03-08T08:00", "2026-03-09T07:00"),
        ("America/Los_Angeles", "2026-11-01T12:00", "2026-11-01T07:00", "2026-11-02T08:00"),
        ("America/Los_Angeles", "2026-07-01T06:59", "2026-06-30T07:00", "2026-07-01T07:00"),
        ("America/Los_Angeles", "2026-07-01T07:00", "2026-07-01T07:00", "2026-07-02T07:00"),
        # Midnight is skipped, and comes twice.
        ("Africa/Cairo", "2026-04-24T12:00", "2026-04-23T22:00", "2026-04-24T21:00"),
        ("America/Havana", "2026-11-01T12:00", "2026-11-01T04:00", "2026-11-02T05:00"),
    ],
)
def test_a_day_goes_from_midnight_to_midnight(zone: str, now: str, begins: str, ends: str) -> None:
    day = day_of(_utc(now), ZoneInfo(zone))
    assert (day.begins, day.ends) == (_utc(begins), _utc(ends))


def _utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


async def test_every_way_of_sending_counts(start_server: StartServer) -> None:
    server = await start_server(**PLAIN, **PRO, user_messages=100)
    ada = server.user()
    begun = await start(ada)
    to = {"conversationId": begun["conversation"]["id"]}
    sent = "{ message { id } reply { id } }"
    more = await ada.do("sendMessage", sent, to=to, content="More", supersede=True)
    await ada.do("editMessage", sent, id=more["message"]["id"], content="Less", supersede=True)
    await ada.do("regenerateMessage", sent, id=begun["reply"]["id"], supersede=True)
    await ada.do("createProjectWithMessage", sent, content="An app")
    empty = await ada.do("createConversation", "{ conversation { id } }")
    note = {"conversationId": empty["conversation"]["id"]}
    await ada.do("createMessage", "{ message { id } }", to=note, content="A note")
    assert await left(ada) == {"messages": 94, "proMessages": 500, "uploads": 5}
    await start(ada, models=["mock:raypx-1", "mock:slow"])
    assert await left(ada) == {"messages": 93, "proMessages": 499, "uploads": 5}
    me = await ada.run("{ me { messageCount dailyMessageCount dailyProMessageCount } }")
    assert me["me"] == {"messageCount": 8, "dailyMessageCount": 7, "dailyProMessageCount": 1}


async def test_what_is_refused_counts_nothing_and_says_when_to_come_back(
    start_server: StartServer,
) -> None:
    server = await start_server(**PLAIN, **PRO, user_messages=2, pro_messages=1)
    ada = server.user()
    await start(ada, model="mock:slow")
    told = await refused(
        ada, "startConversation", content="Hi", models=["mock:raypx-1", "mock:slow"]
    )
    assert (told["code"], told["limit"], told["remaining"]) == ("RATE_LIMITED", 1, 0)
    assert await left(ada) == {"messages": 2, "proMessages": 0, "uploads": 5}, "neither is counted"
    assert (await refused(ada, "startConversation", content=""))["code"] == "INVALID"
    assert await left(ada) == {"messages": 2, "proMessages": 0, "uploads": 5}


async def test_a_repeated_call_counts_once(start_server: StartServer) -> None:
    ada = (await start_server(**PLAIN)).user()
    for _ in range(3):
        await start(ada, idempotencyKey="once")
    assert (await left(ada))["messages"] == 999


async def test_another_day_begins_at_midnight_of_the_zone(start_server: StartServer) -> None:
    clock = FakeClock(_utc("2026-11-01T12:00"))
    server = await start_server(**PLAIN, clock=clock, user_messages=1)
    ada = server.user()
    await start(ada)
    told = await refused(ada, "startConversation", content="Hi")
    assert told["resetsAt"] == "2026-11-02T08:00:00.000Z"
    clock.advance(hours=19, minutes=59)
    await refused(ada, "startConversation", content="Hi")
    clock.advance(minutes=1)
    assert (await left(ada))["messages"] == 1
    await start(ada)
    await refused(ada, "startConversation", content="Hi")


async def test_a_guest_is_held_by_token_and_by_address(start_server: StartServer) -> None:
    server = await start_server(**PLAIN)
    guest = await guest_of(server)
    for remaining in (4, 3, 2, 1, 0):
        await start(guest, model="mock:slow")
        assert (await left(guest)) == {"messages": remaining, "proMessages": None, "uploads": 5}
    told = await refused(guest, "startConversation", content="Hi")
    assert (told["code"], told["limit"], told["remaining"]) == ("RATE_LIMITED", 5, 0)
    again = await guest_of(server)
    assert (await left(again))["messages"] == 0
    await refused(again, "startConversation", content="Hi")
    await start(server.user())


async def test_a_guest_is_held_wherever_they_are(start_server: StartServer) -> None:
    server = await start_server(**PLAIN, guest_address_messages=1_000)
    guest = await guest_of(server)
    for _ in range(5):
        await start(guest)
    await refused(guest, "startConversation", content="Hi")
    await start(await guest_of(server))
    found = await server.sql("SELECT anonymous_id, daily_message_count FROM anonymous_usage")
    assert sorted(one["daily_message_count"] for one in found) == [1, 5, 6]
    assert {one["anonymous_id"] for one in found} > {"ip_127.0.0.1"}


@pytest.mark.parametrize("kind", ["user", "guest"])
async def test_hundred_sends_at_once_on_two_servers_are_counted_exactly(
    start_server: StartServer, kind: str
) -> None:
    most = {"user_messages": 30, "guest_messages": 30, "guest_address_messages": 30}
    servers = [await start_server(**PLAIN, **most) for _ in range(2)]
    callers = await _callers(servers, kind)
    outcomes = await asyncio.gather(*(_tried(callers[n % 2]) for n in range(100)))
    assert sorted(outcomes) == ["RATE_LIMITED"] * 70 + ["sent"] * 30
    assert await servers[0].sql("SELECT count(*) AS n FROM conversation") == [{"n": 30}]
    assert (await left(callers[0]))["messages"] == 0


async def _callers(servers: list[Server], kind: str) -> list[Api]:
    """The same caller on each server."""
    if kind == "user":
        found = [server.user() for server in servers]
    else:
        guest = await guest_of(servers[0])
        found = [Api(server.session, server.url, guest.token) for server in servers]
    await found[0].run("{ me { id } }")
    return found


async def _tried(api: Api) -> str:
    try:
        await start(api)
    except Refused as error:
        return error.code
    return "sent"


async def test_five_uploads_a_day_are_free(start_server: StartServer) -> None:
    clock = FakeClock(_utc("2026-11-01T12:00"))
    server = await start_server(**PLAIN, clock=clock)
    ada = server.user()
    for remaining in (4, 3, 2, 1, 0):
        await announce(ada, b"text", "text/plain")
        assert (await left(ada))["uploads"] == remaining
    values = {"fileName": "a.txt", "contentType": "text/plain", "size": 4}
    told = await refused(ada, "createUpload", **values)
    assert (told["code"], told["limit"], told["remaining"]) == ("RATE_LIMITED", 5, 0)
    assert told["resetsAt"] == "2026-11-02T08:00:00.000Z"
    await announce(ada, b"text", "image/png", purpose="AVATAR")
    clock.advance(hours=20)
    await announce(ada, b"text", "text/plain")
    await server.sql("UPDATE user_account SET premium = true")
    for _ in range(6):
        await announce(ada, b"text", "text/plain")
    assert (await left(ada))["uploads"] is None


async def test_uploads_at_once_are_counted_exactly(start_server: StartServer) -> None:
    servers = [await start_server(**PLAIN) for _ in range(2)]
    callers = await _callers(servers, "user")

    async def tried(api: Api) -> str:
        try:
            await announce(api, b"text", "text/plain")
        except Refused as error:
            return error.code
        return "announced"

    outcomes = await asyncio.gather(*(tried(callers[n % 2]) for n in range(20)))
    assert sorted(outcomes) == ["RATE_LIMITED"] * 15 + ["announced"] * 5


async def test_without_limits_nothing_is_counted(start_server: StartServer) -> None:
    server = await start_server(worker=False)
    guest = await guest_of(server)
    for _ in range(6):
        await start(guest)
    assert await guest.run("{ usageLimits { messages { limit } } }") == {"usageLimits": None}
    assert await server.sql("SELECT id FROM anonymous_usage") == []


async def test_nobody_has_no_limits(start_server: StartServer) -> None:
    server = await start_server(**PLAIN)
    nobody = server.nobody()
    assert await nobody.run("{ usageLimits { messages { limit } } }") == {"usageLimits": None}


async def test_days_that_are_over_are_forgotten_in_batches(start_server: StartServer) -> None:
    clock = FakeClock(_utc("2026-11-01T12:00"))
    server, counters = await start_server(**PLAIN, clock=clock), "SELECT id FROM anonymous_usage"
    await start(await guest_of(server))
    begun = await server.sql("SELECT DISTINCT daily_reset AS day FROM anonymous_usage")
    assert begun == [{"day": _utc("2026-11-01T07:00")}]
    await server.sql(MORE_COUNTERS, begun[0]["day"])
    clock.advance(hours=43)  # two days after its beginning, and not a moment more
    await forget_days(actor_of(server, None))
    assert len(await server.sql(counters)) == 2 + 100
    clock.advance(seconds=1)
    for left in (2, 0, 0):
        await forget_days(actor_of(server, None))
        assert len(await server.sql(counters)) == left
