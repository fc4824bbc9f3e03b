"""Profiles: name, system prompt, favourite models, and when a user was last active."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.harness.api import Api, Refused, Server, StartServer
from tests.harness.clock import FakeClock
from tests.harness.verbs import id_of

USER = "{ user { name systemPrompt favoriteModels } }"
CHANGED = "subscription { viewerChanged { node { name favoriteModels } reset } }"
ACTIVE = "{ me { lastActiveAt } }"


@pytest.fixture
async def still(start_server: StartServer) -> Server:
    """A server on which nothing happens by itself."""
    return await start_server(worker=False)


async def do(api: Api, mutation: str, **given: Any) -> Any:
    return (await api.do(mutation, USER, **given))["user"]


async def refusal(api: Api, mutation: str, **given: Any) -> tuple[str, str | None]:
    """The code and the field of a mutation that is refused."""
    with pytest.raises(Refused) as refused:
        await do(api, mutation, **given)
    extensions = refused.value.errors[0]["extensions"]
    return extensions["code"], extensions.get("field")


@pytest.mark.parametrize("kind", ["user", "guest"])
async def test_only_what_is_given_changes(still: Server, kind: str) -> None:
    api = still.user()
    if kind == "guest":
        made = await still.nobody().do("createGuest", "{ token }")
        api = Api(still.session, still.url, made["token"])
    named = await do(api, "updateProfile", name="Ada L.")
    assert named == {"name": "Ada L.", "systemPrompt": None, "favoriteModels": []}
    assert await do(api, "updateProfile", systemPrompt="Be brief.") == {
        **named,
        "systemPrompt": "Be brief.",
    }
    assert await do(api, "updateProfile", systemPrompt=None) == named


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"name": None}, "name"),
        ({"name": "  "}, "name"),
        ({"name": "x" * 201}, "name"),
        ({"systemPrompt": ""}, "systemPrompt"),
        ({"systemPrompt": "x" * 20_001}, "systemPrompt"),
    ],
)
async def test_what_does_not_fit_is_refused(still: Server, given: Any, field: str) -> None:
    ada = still.user()
    assert await refusal(ada, "updateProfile", **given) == ("INVALID", field)
    assert (await ada.run("{ me { name } }"))["me"]["name"] == "Ada"


async def test_favourites_keep_their_order(still: Server) -> None:
    ada = still.user()
    chosen = ["mock:slow", "mock:raypx-1"]
    found = await do(ada, "updateFavoriteModels", models=chosen)
    assert found["favoriteModels"] == chosen
    for _ in range(2):
        found = await do(ada, "addFavoriteModel", model="mock:fail")
        assert found["favoriteModels"] == [*chosen, "mock:fail"]
    for _ in range(2):
        found = await do(ada, "removeFavoriteModel", model="mock:slow")
        assert found["favoriteModels"] == ["mock:raypx-1", "mock:fail"]
    found = await do(ada, "updateFavoriteModels", models=[])
    assert found["favoriteModels"] == []


async def test_favourites_are_models_that_there_are(
    start_server: StartServer, still: Server
) -> None:
    ada = still.user()
    for mutation, given, field in (
        ("updateFavoriteModels", {"models": ["mock:unheard-of"]}, "models"),
        ("updateFavoriteModels", {"models": ["mock:slow", "mock:slow"]}, "models"),
        ("updateFavoriteModels", {"models": [f"mock:{n}" for n in range(101)]}, "models"),
        ("addFavoriteModel", {"model": "mock:unheard-of"}, "model"),
    ):
        assert await refusal(ada, mutation, **given) == ("INVALID", field)
    await do(ada, "updateFavoriteModels", models=["mock:slow", "mock:fail"])
    fewer = await start_server(models=[{"id": "mock:raypx-1"}], worker=False)
    found = await do(fewer.user(), "updateFavoriteModels", models=["mock:fail", "mock:raypx-1"])
    assert found["favoriteModels"] == ["mock:fail", "mock:raypx-1"]
    found = await do(fewer.user(), "removeFavoriteModel", model="mock:fail")
    assert found["favoriteModels"] == ["mock:raypx-1"]


async def test_favourites_added_at_once_are_all_there(still: Server) -> None:
    ada = still.user()
    await id_of(ada)
    names = ["mock:raypx-1", "mock:slow", "mock:fail", "mock:endless"]
    await asyncio.gather(*(do(ada, "addFavoriteModel", model=name) for name in names))
    found = (await ada.run("{ me { favoriteModels } }"))["me"]["favoriteModels"]
    assert sorted(found) == sorted(names)


async def test_a_script_that_may_only_read_changes_nothing(still: Server) -> None:
    ada = still.user()
    made = await ada.do("createApiToken", "{ token }", name="Reader", scopes=["READ"])
    script = Api(still.session, still.url, made["token"])
    assert await refusal(script, "updateProfile", name="Eve") == ("FORBIDDEN", None)
    assert await refusal(script, "addFavoriteModel", model="mock:slow") == ("FORBIDDEN", None)


async def test_another_tab_hears_of_a_change(still: Server) -> None:
    ada, eve = still.user("ada"), still.user("eve")
    await id_of(eve)
    async with ada.listen(CHANGED) as events:
        assert (await events.next())["node"] is None
        await do(eve, "updateProfile", name="Eve L.")
        await do(ada, "updateProfile", name="Ada L.")
        assert (await events.next())["node"] == {"name": "Ada L.", "favoriteModels": []}
        await do(ada, "addFavoriteModel", model="mock:slow")
        heard = await events.next()
        assert heard == {
            "node": {"name": "Ada L.", "favoriteModels": ["mock:slow"]},
            "reset": False,
        }


async def test_a_user_is_last_active_when_they_last_asked_to_a_minute(
    start_server: StartServer,
) -> None:
    clock = FakeClock()
    server = await start_server(clock=clock, worker=False)
    ada = server.user()
    first = (await ada.run(ACTIVE))["me"]["lastActiveAt"]
    clock.advance(seconds=59)
    assert (await ada.run(ACTIVE))["me"]["lastActiveAt"] == first
    clock.advance(seconds=1)
    later = (await ada.run(ACTIVE))["me"]["lastActiveAt"]
    assert later > first
    # Their scripts may work while they sleep.
    made = await ada.do("createApiToken", "{ token }", name="Night", scopes=["READ"])
    clock.advance(minutes=5)
    script = Api(server.session, server.url, made["token"])
    assert (await script.run(ACTIVE))["me"]["lastActiveAt"] == later


async def test_nobody_waits_to_note_it(start_server: StartServer) -> None:
    clock = FakeClock()
    server = await start_server(clock=clock, worker=False)
    ada = server.user()
    user = await id_of(ada)
    clock.advance(minutes=2)
    async with server.services.background.transaction() as connection:
        await connection.execute("SELECT id FROM user_account WHERE id = $1 FOR UPDATE", user)
        async with asyncio.timeout(5):
            await ada.run(ACTIVE)
