"""Listing repositories at GitHub: pages, limits, and whatever goes wrong over there."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web

from models.accounts.github import LISTINGS
from tests.harness.accounts import guest_of
from tests.harness.api import Api, Refused, StartServer
from tests.harness.connecting import Harbour, grant_of, harbour
from tests.harness.github import repository
from tests.harness.post_office import PostOffice

LIST = """query($page: Int! = 1) { githubRepositories(page: $page) { nextPage nodes {
    githubId fullName login name private description defaultBranch url pushedAt } } }"""


@pytest.fixture
async def here(start_server: StartServer, office: PostOffice) -> AsyncIterator[Harbour]:
    async with harbour(start_server, office) as made:
        yield made


@pytest.fixture
async def ada(here: Harbour) -> Api:
    """A user who connected GitHub."""
    user = await here.town.newcomer()
    await here.connect(user, here.github)
    return user


async def test_repositories_are_listed(here: Harbour, ada: Api) -> None:
    found = (await ada.run(LIST))["githubRepositories"]
    assert found["nextPage"] is None
    assert [one["fullName"] for one in found["nodes"]] == ["ada/shop-1", "ada/shop-2", "ada/shop-3"]
    assert found["nodes"][1] == {
        "githubId": "2",
        "fullName": "ada/shop-2",
        "login": "ada",
        "name": "shop-2",
        "private": True,
        "description": "Shop 2",
        "defaultBranch": "main",
        "url": "https://github.example/ada/shop-2",
        "pushedAt": "2026-01-31T12:00:00.000Z",
    }


async def test_pages_have_a_hundred_at_most(here: Harbour, ada: Api) -> None:
    here.github.repositories = [repository(number) for number in range(250)]
    sizes, page = list[int](), 1
    while page is not None:
        found = (await ada.run(LIST, page=page))["githubRepositories"]
        sizes.append(len(found["nodes"]))
        page = found["nextPage"]
    assert sizes == [100, 100, 50]
    for wrong in (0, -1, 1_001):
        assert await ada.code(LIST, page=wrong) == "INVALID"


async def test_whoever_did_not_connect_github_is_told_so(here: Harbour) -> None:
    assert (await here.server.nobody().run(LIST))["githubRepositories"] is None
    assert await (await guest_of(here.server)).code(LIST) == "NOT_CONNECTED"
    assert await (await here.town.newcomer("eve@example.com")).code(LIST) == "NOT_CONNECTED"
    assert here.github.asked == []


async def test_where_github_is_not_set_up_nobody_is_asked(start_server: StartServer) -> None:
    server = await start_server(worker=False)
    assert (await server.user("ada").run(LIST))["githubRepositories"] is None


async def test_one_user_lists_thirty_times_a_minute(here: Harbour, ada: Api) -> None:
    answers = await asyncio.gather(*(ada.ask(LIST) for _ in range(LISTINGS.most + 5)))
    codes = [one["errors"][0]["extensions"] for one in answers if one.get("errors")]
    assert [one["code"] for one in codes] == ["RATE_LIMITED"] * 5
    assert all(1 <= one["retryAfter"] <= 60 for one in codes)
    assert here.github.asked.count("GET /user/repos") == LISTINGS.most


async def test_a_token_that_was_taken_back_has_to_be_had_anew(here: Harbour, ada: Api) -> None:
    here.github.end()
    assert await ada.code(LIST) == "NOT_CONNECTED"
    assert (await grant_of(ada, here.github))["needsReconnecting"]
    here.github.asked.clear()
    assert await ada.code(LIST) == "NOT_CONNECTED"
    assert here.github.asked == [], "it is not asked again"
    await here.connect(ada, here.github)
    assert (await ada.run(LIST))["githubRepositories"]["nodes"]


async def test_a_token_that_can_be_renewed_is(here: Harbour) -> None:
    ada = await here.town.newcomer()
    here.github.lifetime = 28_800
    await here.connect(ada, here.github)
    here.github.live.clear()
    assert (await ada.run(LIST))["githubRepositories"]["nodes"]
    assert not (await grant_of(ada, here.github))["needsReconnecting"]


def answering(status: int = 200, text: str = "[]", **headers: str) -> Any:
    async def answer(_request: web.Request) -> web.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return web.Response(status=status, text=text, headers=named)

    return answer


RESET = str(int(time.time()) + 600)


@pytest.mark.parametrize(
    ("spoil", "least", "most"),
    [
        (answering(403, Retry_After="30"), 30, 30),
        (answering(429, Retry_After="30"), 30, 30),
        (answering(403, X_RateLimit_Remaining="0", X_RateLimit_Reset=RESET), 1, 600),
        (answering(403, X_RateLimit_Remaining="0", X_RateLimit_Reset="9" * 12), 3_600, 3_600),
        (answering(403, X_RateLimit_Remaining="0", X_RateLimit_Reset="soon"), 1, 60),
        (answering(429, Retry_After="9" * 400), 60, 60),
        (answering(429), 60, 60),
    ],
)
async def test_github_that_wants_to_be_left_alone_is(
    here: Harbour, ada: Api, spoil: Any, least: int, most: int
) -> None:
    here.github.spoil = spoil
    with pytest.raises(Refused) as refused:
        await ada.run(LIST)
    told = refused.value.errors[0]["extensions"]
    assert told["code"] == "RATE_LIMITED"
    assert least <= told["retryAfter"] <= most
    assert not (await grant_of(ada, here.github))["needsReconnecting"]


async def endless(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    while True:
        await response.write(b"[" * 65_536)


DEEP = "[" * 100_000


@pytest.mark.parametrize(
    "spoil",
    [
        answering(500, "planted secret"), answering(502, "<html>"), answering(403, "planted"),
        answering(301, Location="http://169.254.169.254/latest/meta-data"), answering(204, ""),
        answering(text="{"), answering(text="{}"), answering(text="[1]"), answering(text="[null]"),
        answering(text='[{"id": "1"}]'), answering(text=DEEP), answering(text="null"), endless,
    ],
)  # fmt: skip
async def test_github_that_is_broken_is_unavailable(here: Harbour, ada: Api, spoil: Any) -> None:
    here.github.spoil = spoil
    response = await ada.ask(LIST)
    (error,) = response["errors"]
    assert error["extensions"]["code"] == "UNAVAILABLE"
    assert error["message"] == "The other side does not answer as it should."
    assert not (await grant_of(ada, here.github))["needsReconnecting"]
    here.github.spoil = None
    assert (await ada.run(LIST))["githubRepositories"]["nodes"]


async def test_github_that_is_slow_is_given_up(here: Harbour, ada: Api) -> None:
    async def slow(_request: web.Request) -> None:
        await asyncio.sleep(60)

    here.github.spoil = slow
    assert await ada.code(LIST) == "UNAVAILABLE"


async def test_strange_repositories_are_shown_as_they_are(here: Harbour, ada: Api) -> None:
    strange = {"description": "a\0b", "pushed_at": "yesterday", "default_branch": 7}
    here.github.repositories = [repository(1, **strange)]
    (one,) = (await ada.run(LIST))["githubRepositories"]["nodes"]
    shown = one["description"], one["pushedAt"], one["defaultBranch"]
    assert shown == ("a\ufffdb", None, None)
