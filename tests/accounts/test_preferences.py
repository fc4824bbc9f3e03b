"""Preferences: defaults from the start, changed in part, checked, and heard of in other tabs."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.harness.accounts import guest_of
from tests.harness.api import Api, Refused, Server, StartServer

FIELDS = """
    layout promptSuggestions showToolInvocations showConversationPreviews multiModelEnabled
    hiddenModels defaultModel preferredLocale outputTone marketingOptIn"""
DEFAULTS: dict[str, Any] = {
    "layout": "fullscreen",
    "promptSuggestions": True,
    "showToolInvocations": True,
    "showConversationPreviews": True,
    "multiModelEnabled": False,
    "hiddenModels": [],
    "defaultModel": "mock:raypx-1",
    "preferredLocale": "en-US",
    "outputTone": "professional",
    "marketingOptIn": False,
}
OWN = f"{{ preferences {{ userId {FIELDS} }} me {{ id }} }}"
PAYLOAD = f"{{ preferences {{ {FIELDS} }} }}"
CHANGED = (
    "subscription($after: String) { preferencesChanged(after: $after) {"
    " node { layout outputTone } deletedId cursor reset } }"
)


@pytest.fixture
async def still(start_server: StartServer) -> Server:
    """A server on which nothing happens by itself."""
    return await start_server(worker=False)


async def update(api: Api, **given: Any) -> Any:
    return (await api.do("updatePreferences", PAYLOAD, **given))["preferences"]


async def refusal(api: Api, **given: Any) -> tuple[str, str | None]:
    """The code and the field of an update that is refused."""
    with pytest.raises(Refused) as refused:
        await update(api, **given)
    extensions = refused.value.errors[0]["extensions"]
    return extensions["code"], extensions.get("field")


@pytest.mark.parametrize("kind", ["user", "guest"])
async def test_everybody_begins_with_the_defaults(still: Server, kind: str) -> None:
    api = still.user() if kind == "user" else await guest_of(still)
    found = await api.run(OWN)
    assert found["preferences"] == DEFAULTS | {"userId": found["me"]["id"]}
    assert await still.nobody().run("{ preferences { layout } }") == {"preferences": None}


async def test_reading_them_writes_nothing_and_is_one_statement(still: Server) -> None:
    ada = still.user()
    await ada.run(OWN)
    still.statements.clear()
    await ada.run(f"{{ preferences {{ {FIELDS} }} }}")
    sent = [sql for sql, _ in still.statements]
    assert len([sql for sql in sent if "user_preferences" in sql]) == 1
    assert not [sql for sql in sent if sql.startswith(("INSERT", "UPDATE", "BEGIN"))]


async def test_only_what_is_given_changes(still: Server) -> None:
    ada, eve = still.user("ada"), still.user("eve")
    await eve.run(OWN)
    changed = {"layout": "sidebar", "hiddenModels": ["mock:slow", "mock:fail"]}
    assert await update(ada, **changed) == DEFAULTS | changed
    more = {"marketingOptIn": True, "outputTone": "dry", "defaultModel": "mock:slow"}
    assert await update(ada, **more) == DEFAULTS | changed | more
    assert await update(ada) == DEFAULTS | changed | more
    assert (await eve.run(OWN))["preferences"]["layout"] == "fullscreen"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *((name, None) for name in DEFAULTS),
        ("layout", " "),
        ("layout", "x" * 51),
        ("outputTone", ""),
        ("defaultModel", "mock:unheard-of"),
        ("hiddenModels", ["mock:unheard-of"]),
        ("hiddenModels", ["mock:slow", "mock:slow"]),
        ("hiddenModels", [f"mock:{n}" for n in range(101)]),
        ("preferredLocale", ""),
        ("preferredLocale", "e"),
        ("preferredLocale", "en_US"),
        ("preferredLocale", "en-"),
        ("preferredLocale", "en-US-x"),
        ("preferredLocale", "de-" + "-".join(["variant1"] * 5)),
    ],
)
async def test_what_does_not_fit_is_refused_whole(still: Server, field: str, value: Any) -> None:
    ada = still.user()
    given = {"showToolInvocations": False, field: value}
    assert await refusal(ada, **given) == ("INVALID", field)
    assert (await ada.run(f"{{ preferences {{ {FIELDS} }} }}"))["preferences"] == DEFAULTS


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("de", "de"),
        ("EN-gb", "en-GB"),
        ("zh-hant-tw", "zh-Hant-TW"),
        ("es-419", "es-419"),
        ("sl-rozaj-1994", "sl-rozaj-1994"),
        ("de-DE-u-co-phonebk", "de-DE-u-co-phonebk"),
        ("en-x-ours", "en-x-ours"),
    ],
)
async def test_a_locale_is_a_language_tag(still: Server, given: str, kept: str) -> None:
    assert (await update(still.user(), preferredLocale=given))["preferredLocale"] == kept


async def test_a_model_that_is_no_longer_on_offer_may_stay(
    start_server: StartServer, still: Server
) -> None:
    ada = still.user()
    await update(ada, hiddenModels=["mock:slow"], defaultModel="mock:slow")
    fewer = await start_server(models=[{"id": "mock:raypx-1"}], worker=False)
    again = fewer.user()
    kept = {"hiddenModels": ["mock:slow", "mock:raypx-1"], "defaultModel": "mock:slow"}
    assert await update(again, **kept) == DEFAULTS | kept
    assert await refusal(again, hiddenModels=["mock:fail"]) == ("INVALID", "hiddenModels")


@pytest.mark.parametrize("chosen", ["mock:endless", None])
async def test_the_chosen_model_answers_where_none_is_named(
    start_server: StartServer, chosen: str | None
) -> None:
    server = await start_server(default_model="mock:slow", worker=False)
    ada = server.user()
    if chosen is not None:
        await update(ada, defaultModel=chosen)
    asked = {"content": "Hello"}
    reply = "{ reply { model } }"
    made = await ada.do("createProjectWithMessage", reply, **asked)
    assert made["reply"]["model"] == (chosen or "mock:slow")
    named = await ada.do("createProjectWithMessage", reply, **asked, model="mock:fail")
    assert named["reply"]["model"] == "mock:fail"


async def test_another_tab_hears_of_a_change(still: Server) -> None:
    ada, eve = still.user("ada"), still.user("eve")
    await eve.run(OWN)
    async with ada.listen(CHANGED) as events:
        first = await events.next()
        assert first["node"] is None
        await update(eve, layout="elsewhere")
        await update(ada, layout="sidebar")
        heard = await events.next()
        assert heard["node"] == {"layout": "sidebar", "outputTone": "professional"}
        await update(ada, outputTone="dry")
        last = await events.next()
        assert last["node"] == {"layout": "sidebar", "outputTone": "dry"}
    async with ada.listen(CHANGED, after=heard["cursor"]) as events:
        assert (await events.next())["node"] == last["node"]
    async with still.nobody().listen(CHANGED) as events:
        with pytest.raises(Refused) as refused:
            await events.next()
        assert refused.value.code == "UNAUTHENTICATED"


async def test_changes_at_once_are_all_kept(still: Server) -> None:
    ada = still.user()
    await ada.run(OWN)
    given = {"layout": "sidebar", "outputTone": "dry", "marketingOptIn": True}
    await asyncio.gather(*(update(ada, **{name: value}) for name, value in given.items()))
    assert (await ada.run(OWN))["preferences"].items() >= given.items()


async def test_a_guest_keeps_them_on_becoming_a_user(still: Server) -> None:
    guest = await guest_of(still)
    await update(guest, layout="sidebar")
    token = still.services.authenticator.local.issue_dev_token("ada")
    async with still.session.post(
        guest.url,
        json={"query": OWN},
        headers={"Authorization": f"Bearer {token}", "Punnet-Guest": guest.token or ""},
    ) as response:
        found = (await response.json(content_type=None))["data"]
    assert found["preferences"]["layout"] == "sidebar"
    assert await still.sql("SELECT count(*) AS n FROM user_preferences") == [{"n": 1}]
