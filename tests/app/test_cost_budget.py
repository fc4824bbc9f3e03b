"""What operations may cost in a minute: by viewer, over all servers, and told in headers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import pytest
from aiohttp import ClientResponse

from app.config import Settings
from app.cost_budget import CostBudget
from models.errors import RateLimited, Unavailable
from tests.app.test_sse import events_of
from tests.harness.accounts import guest_of
from tests.harness.api import Api, Server, StartServer
from tests.harness.clock import START, FakeClock
from tests.harness.planting import make_operator
from tests.harness.verbs import id_of

ME = "{ me { id } }"
COST = 2
LEFT_OF_MINUTE = 60 - START.second


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


async def asked(api: Api, query: str = ME, **headers: str) -> ClientResponse:
    """The answer to a query; its body is read."""
    sent = api.headers | headers
    async with api.session.post(api.url, json={"query": query}, headers=sent) as answer:
        await answer.read()
        return answer


async def refused(api: Api, query: str = ME, **headers: str) -> bool:
    """Whether a query is too much for the budget."""
    return (await asked(api, query, **headers)).status == 429


async def used_up(api: Api, budget: int, **headers: str) -> None:
    """Ask for a whole budget."""
    for _ in range(budget // COST):
        assert not await refused(api, **headers)


def budget_of(server: Server) -> CostBudget:
    """What a server counts by."""
    budget = server.services.budget
    assert budget is not None
    return budget


def test_the_default_is_the_one_that_was_promised() -> None:
    assert Settings().cost_per_minute == 200_000


async def test_a_minute_has_a_budget(start_server: StartServer, clock: FakeClock) -> None:
    server = await start_server(worker=False, cost_per_minute=6, clock=clock)
    ada = server.user()
    for left in (4, 2, 0):
        answer = await asked(ada)
        assert answer.status == 200
        assert answer.headers["RateLimit-Policy"] == '"cost";q=6;w=60'
        assert answer.headers["RateLimit"] == f'"cost";r={left};t={LEFT_OF_MINUTE}'
    answer = await asked(ada)
    (error,) = (await answer.json(content_type=None))["errors"]
    told = error["extensions"]
    assert (answer.status, told["code"]) == (429, "RATE_LIMITED")
    assert told["retryAfter"] == int(answer.headers["Retry-After"]) == LEFT_OF_MINUTE
    assert answer.headers["RateLimit"] == f'"cost";r=0;t={LEFT_OF_MINUTE}'
    clock.advance(seconds=told["retryAfter"])
    assert (await asked(ada)).headers["RateLimit"].startswith('"cost";r=4;')


async def test_readers_of_plain_json_get_a_200(start_server: StartServer) -> None:
    """As with every other refusal of an operation: they can't tell whose another status is."""
    server = await start_server(worker=False, cost_per_minute=COST, clock=FakeClock())
    await used_up(server.user(), COST)
    answer = await asked(server.user(), Accept="application/json")
    (error,) = (await answer.json())["errors"]
    assert (answer.status, error["extensions"]["code"]) == (200, "RATE_LIMITED")
    assert answer.headers["Retry-After"]


async def test_without_a_budget_nothing_is_told(start_server: StartServer) -> None:
    server = await start_server(worker=False)
    answer = await asked(server.user())
    assert not {"RateLimit", "RateLimit-Policy"} & answer.headers.keys()
    assert server.services.budget is None


async def test_pages_may_read_the_headers(start_server: StartServer) -> None:
    server = await start_server(worker=False, cost_per_minute=100)
    answer = await asked(server.user(), Origin="http://localhost:3000")
    exposed = answer.headers["Access-Control-Expose-Headers"].split(", ")
    assert {"ratelimit", "ratelimit-policy", "retry-after"} <= set(exposed)


async def test_an_operation_on_a_socket_is_refused_alone(start_server: StartServer) -> None:
    server = await start_server(worker=False, cost_per_minute=4, clock=FakeClock())
    ada = server.user()
    async with ada.listen(ME) as events:
        assert (await events.next())["id"]
        assert (await events.message())["type"] == "complete"
        changed = "subscription { viewerChanged { cursor } }"
        for id, query, kind in (("2", ME, "next"), ("3", ME, "error"), ("4", changed, "error")):
            payload = {"query": query}
            await events.socket.send_json({"type": "subscribe", "id": id, "payload": payload})
            message = await events.message()
            assert (message["type"], message["id"]) == (kind, id)
            if kind == "next":
                assert (await events.message())["type"] == "complete"
            else:
                told = message["payload"][0]["extensions"]
                assert (told["code"], told["retryAfter"]) == ("RATE_LIMITED", LEFT_OF_MINUTE)


async def test_a_stream_of_events_draws_from_it_too(start_server: StartServer) -> None:
    server = await start_server(worker=False, cost_per_minute=3, clock=FakeClock())
    ada = server.user()
    headers = ada.headers | {"Accept": "text/event-stream"}
    told: list[str] = []
    for _ in range(2):
        async with ada.session.post(ada.url, json={"query": ME}, headers=headers) as answer:
            assert answer.headers["RateLimit-Policy"] == '"cost";q=3;w=60'
            (_, first), _ = events_of(await answer.read())
            told.append(first["errors"][0]["extensions"]["code"] if "errors" in first else "data")
    assert told == ["data", "RATE_LIMITED"]


async def test_a_refused_mutation_does_nothing(start_server: StartServer) -> None:
    server = await start_server(worker=False, cost_per_minute=10, clock=FakeClock())
    ada = server.user()
    await used_up(ada, 10)
    create = (
        'mutation { createProject(input: {name: "One", framework: NEXTJS}) { project { id } } }'
    )
    assert await refused(ada, create)
    assert await server.sql("SELECT id FROM project") == []


async def test_what_costs_more_than_a_budget_takes_a_whole_one(
    start_server: StartServer, clock: FakeClock
) -> None:
    server = await start_server(worker=False, cost_per_minute=5, clock=clock)
    dear = "{ projects(first: 50) { nodes { id } } }"
    assert not await refused(server.user(), dear)
    assert await refused(server.user())
    clock.advance(minutes=1)
    assert not await refused(server.user())
    assert await refused(server.user(), dear)


@pytest.mark.parametrize("query", ["{ nothing }", "{", "query($a: Int!) { me { id } }"])
async def test_what_does_not_run_costs_nothing(start_server: StartServer, query: str) -> None:
    server = await start_server(worker=False, cost_per_minute=COST, clock=FakeClock())
    assert (await asked(server.user(), query)).status == 400
    await used_up(server.user(), COST)


async def test_who_is_signed_out_draws_from_their_address(start_server: StartServer) -> None:
    """A proxy that is not ours is not believed, so a made-up address is no fresh budget."""
    server = await start_server(worker=False, cost_per_minute=4, clock=FakeClock())
    nobody = server.nobody()
    await used_up(nobody, 4, **{"X-Forwarded-For": "203.0.113.1"})
    assert await refused(nobody, **{"X-Forwarded-For": "203.0.113.2"})
    assert await refused(nobody)
    await used_up(server.user(), 4)


async def test_guests_draw_from_their_address(start_server: StartServer) -> None:
    """Another guest is soon made."""
    server = await start_server(worker=False, cost_per_minute=40, clock=FakeClock())
    one, two = await guest_of(server), await guest_of(server)
    while not await refused(one):
        pass
    assert await refused(two)
    assert await refused(server.nobody())
    assert not await refused(server.user())


async def test_an_address_is_the_first_half_of_an_ipv6_one(start_server: StartServer) -> None:
    settings: dict[str, Any] = {"cost_per_minute": 4, "trusted_proxies": ["127.0.0.0/8"]}
    server = await start_server(worker=False, clock=FakeClock(), **settings)
    nobody = server.nobody()
    await used_up(nobody, 4, **{"X-Forwarded-For": "2001:db8:1:2::3"})
    assert await refused(nobody, **{"X-Forwarded-For": "2001:db8:1:2:ffff::4"})
    assert await refused(nobody, **{"X-Forwarded-For": "198.51.100.7, 2001:db8:1:2::5"})
    await used_up(nobody, 4, **{"X-Forwarded-For": "2001:db8:1:3::3"})


async def test_servers_hear_of_each_other(start_server: StartServer, clock: FakeClock) -> None:
    """Before they do, each lets through no more than one budget."""
    settings: dict[str, Any] = {"cost_per_minute": 20, "clock": clock}
    one, two = [await start_server(worker=False, **settings) for _ in range(2)]
    await used_up(one.user(), 20)
    await budget_of(one).merge()
    let_in = [not await refused(two.user()) for _ in range(20)]
    assert 1 <= sum(let_in) <= 10
    await budget_of(two).merge()
    assert await refused(two.user())
    clock.advance(minutes=1)
    await used_up(two.user(), 12)
    await budget_of(two).merge()
    await used_up(one.user(), 2)
    await budget_of(one).merge()
    await used_up(one.user(), 6)
    assert await refused(one.user())


async def test_operators_see_it_among_the_limits(
    start_server: StartServer, clock: FakeClock
) -> None:
    server = await start_server(worker=False, cost_per_minute=1_000, clock=clock)
    ada = server.user()
    await make_operator(server, ada)
    id = await id_of(ada)
    await budget_of(server).merge()
    fields = "{ rateLimits { nodes { key count windowStart limit windowMs } } }"
    (node,) = (await ada.run(fields))["rateLimits"]["nodes"]
    assert node == {
        "key": f"user_{id}_cost",
        "count": node["count"],
        "windowStart": "2031-05-17T08:30:00.000Z",
        "limit": 1_000,
        "windowMs": 60_000,
    }
    assert node["count"] >= COST


class Gone:
    """A database that can't be reached."""

    async def fetch(self, query: str, *args: Any) -> Sequence[Mapping[str, Any]]:
        raise Unavailable("Away.")


def alone(clock: FakeClock, **options: int) -> CostBudget:
    """A budget of 10 on a server that can't hear of others."""
    database: Any = Gone()
    return CostBudget(10, database, clock, **options)


async def test_without_a_database_a_server_counts_alone(clock: FakeClock) -> None:
    budget = alone(clock)
    budget.draw("ada", 8)
    with pytest.raises(Unavailable):
        await budget.merge()
    with pytest.raises(RateLimited):
        budget.draw("ada", 4)
    budget.draw("ada", 2)


def test_so_many_viewers_are_known_at_most(clock: FakeClock) -> None:
    budget = alone(clock, known=100)
    for number in range(1_000):
        budget.draw(f"ip_{number}", 10)
    assert len(budget) == 100
    with pytest.raises(RateLimited):
        budget.draw("ip_999", 1)
    clock.advance(minutes=1)
    budget.draw("ip_999", 1)
    assert len(budget) == 1


def test_windows_are_the_minutes_of_the_clock() -> None:
    clock = FakeClock(START.replace(second=59, microsecond=999_000))
    budget = alone(clock)
    budget.draw("ada", 10)
    assert budget.headers("ada")["RateLimit"] == '"cost";r=0;t=1'
    clock.advance(seconds=timedelta(milliseconds=1).total_seconds())
    assert budget.headers("ada")["RateLimit"] == '"cost";r=10;t=60'
