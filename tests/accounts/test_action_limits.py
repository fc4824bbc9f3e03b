"""Limits by action: what a verb counts, of whom, and what the viewer is told of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from app.config import Settings
from app.daily_limits import rates_of
from models.accounts.action_limits import ACTIONS, ActionLimit, limited
from models.errors import Invalid, RateLimited
from tests.harness.accounts import guest_of
from tests.harness.api import Api, Refused, Server, StartServer
from tests.harness.clock import FakeClock
from tests.harness.uploading import announce
from tests.harness.verbs import actor_of, id_of

LIMITS = "{ actionLimits { action limit remaining windowSeconds resetsAt } }"
START = "{ conversation { id } }"
BY_MINUTE: dict[str, Any] = {"worker": False, "rate_limits": {}}


async def standing(api: Api, action: str) -> dict[str, Any] | None:
    """What a caller is told of one action."""
    found = (await api.run(LIMITS))["actionLimits"]
    return next((one for one in found if one["action"] == action), None)


async def start(api: Api, **more: Any) -> None:
    """Start a conversation with a message."""
    await api.do("startConversation", START, **({"content": "Hello"} | more))


async def refused(api: Api, **more: Any) -> dict[str, Any]:
    """The extensions of the refusal of a message."""
    with pytest.raises(Refused) as caught:
        await start(api, **more)
    return caught.value.errors[0]["extensions"]


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def imports() -> Iterator[ActionLimit]:
    """A limit of the tests' own."""
    made = limited("a_test_import", 2, minutes=1)
    yield made
    del ACTIONS[made.action]


async def test_so_many_messages_a_minute(start_server: StartServer, clock: FakeClock) -> None:
    server = await start_server(clock=clock, **BY_MINUTE)
    ada = server.user()
    for _ in range(30):
        await start(ada)
    assert await refused(ada) == {"code": "RATE_LIMITED", "retryAfter": 60}
    clock.advance(seconds=59)
    assert (await refused(ada))["retryAfter"] == 1
    clock.advance(seconds=1)
    await start(ada)


async def test_each_answer_counts(start_server: StartServer, clock: FakeClock) -> None:
    settings: dict[str, Any] = BY_MINUTE | {"rate_limits": {"message": 3}}
    server = await start_server(clock=clock, **settings)
    ada = server.user()
    both = ["mock:raypx-1", "mock:slow"]
    await start(ada, models=both)
    await refused(ada, models=both)
    await start(ada)
    await refused(ada)
    assert len(await server.sql("SELECT id FROM conversation")) == 2


async def test_it_goes_before_the_daily_limits(start_server: StartServer, clock: FakeClock) -> None:
    settings: dict[str, Any] = BY_MINUTE | {"rate_limits": {"message": 1}, "daily_limits": True}
    server = await start_server(clock=clock, user_messages=1, **settings)
    ada = server.user()
    await start(ada)
    assert "resetsAt" not in await refused(ada)
    clock.advance(minutes=1)
    assert "resetsAt" in await refused(ada)
    found = await standing(ada, "message")
    assert found is not None
    assert found["remaining"] == 1, "what the day refuses the minute has not counted"


async def test_all_guests_of_an_address_have_one_limit(
    start_server: StartServer, clock: FakeClock
) -> None:
    settings: dict[str, Any] = BY_MINUTE | {"rate_limits": {"message": 2}}
    server = await start_server(clock=clock, **settings)
    one, two = await guest_of(server), await guest_of(server)
    await start(one)
    await start(two)
    for guest in (one, two, await guest_of(server)):
        await refused(guest)
        found = await standing(guest, "message")
        assert found is not None
        assert found["remaining"] == 0
    await start(server.user())


async def test_viewers_are_told_what_is_left(start_server: StartServer, clock: FakeClock) -> None:
    server = await start_server(worker=False, clock=clock)
    ada = server.user()
    unused = {"action": "upload", "limit": 120, "remaining": 120, "windowSeconds": 3_600}
    assert await standing(ada, "upload") == unused | {"resetsAt": None}
    await announce(ada, b"abc", "text/plain")
    told = {"remaining": 119, "resetsAt": "2031-05-17T09:30:00.250Z"}
    assert await standing(ada, "upload") == unused | told
    assert await standing(server.user("eve"), "upload") == unused | {"resetsAt": None}
    clock.advance(hours=1)
    assert await standing(ada, "upload") == unused | {"resetsAt": None}
    assert await standing(ada, "message") is None, "what has no limit"
    assert (await server.nobody().run(LIMITS))["actionLimits"] == []


async def counted(server: Server, api: Api, limit: ActionLimit) -> bool:
    """Whether one more is let in."""
    try:
        await limit.count(actor_of(server, await id_of(api)))
    except RateLimited:
        return False
    return True


async def test_a_limit_is_declared_in_a_line(
    start_server: StartServer, clock: FakeClock, imports: ActionLimit
) -> None:
    server = await start_server(worker=False, clock=clock)
    ada = server.user()
    assert [await counted(server, ada, imports) for _ in range(3)] == [True, True, False]
    found = await standing(ada, imports.action)
    assert found is not None
    assert (found["limit"], found["remaining"], found["windowSeconds"]) == (2, 0, 60)
    with pytest.raises(AssertionError, match="another's name"):
        limited(imports.action, 5, hours=1)


def test_settings_name_what_is_limited() -> None:
    assert rates_of(Settings(rate_limits={"upload": 5, "message": 0})) == {
        "upload": 5,
        "message": 0,
    }
    with pytest.raises(Invalid, match="there is no 'uploads'"):
        rates_of(Settings(rate_limits={"uploads": 5}))


def test_the_defaults_are_those_that_were_promised() -> None:
    found = {action: (one.most, one.window.total_seconds()) for action, one in ACTIONS.items()}
    assert found == {
        "avatar": (20, 3_600),
        "download": (30, 600),
        "export": (5, 86_400),
        "figma_import": (5, 60),
        "figma_upload": (5, 60),
        "github_import": (10, 60),
        "github_repositories": (30, 60),
        "message": (30, 60),
        "payment": (30, 3_600),
        "shared_fork": (30, 3_600),
        "test_key": (10, 600),
        "upload": (120, 3_600),
    }
