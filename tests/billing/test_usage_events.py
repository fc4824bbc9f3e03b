"""Usage events: one for each call of a model, with what its provider told, and what it cost."""

from __future__ import annotations

import json

import pytest

from models.billing.usage_events import ModelCall
from models.chat.leases import Lease, count_unwanted_call, finish_generation
from tests.app.openai_endpoint import Reply, endpoint
from tests.billing.metering import (
    MOCK,
    OPENAI,
    SHOWN,
    TOOLS,
    counted,
    dollars,
    events_of,
    exact,
    priced,
    started,
    totals_of,
)
from tests.core.scenes import ANSWER
from tests.harness.accounts import guest_of
from tests.harness.answers import STREAM, ask, ended
from tests.harness.api import Api, Server, StartServer
from tests.harness.eventually import eventually
from tests.harness.orgs import found, join
from tests.harness.tools import TOOLS as FUNCTIONS
from tests.harness.verbs import actor_of, id_of


@pytest.fixture
async def server(start_server: StartServer) -> Server:
    """A server whose models have prices and tools."""
    return await start_server(models=priced(), default_model=MOCK, tools=FUNCTIONS)


async def lease_of(server: Server, message: str) -> Lease:
    """The lease by which a message was last written."""
    (row,) = await server.sql("SELECT * FROM generation WHERE message_id = $1", message)
    whose = row["user_id"], row["model"], row["epoch"], row["tries"]
    return Lease(row["id"], message, *whose)


async def test_an_answer_and_its_title_are_an_event_each(server: Server) -> None:
    ada = server.user()
    reply = await started(ada, "How do I cook quince jam? [[tokens:7]]")
    end = await ended(ada, reply)
    await counted(server, 1, "title")
    by_feature = {event["feature"]: event for event in await events_of(ada)}
    assert by_feature.keys() == {"chat", "title"}
    for feature, event in by_feature.items():
        assert event["userId"] == await id_of(ada)
        assert (event["orgId"], event["messageId"], event["model"]) == (None, reply, MOCK)
        assert (event["provider"], event["metric"]) == ("mock", "AI_TOKENS")
        assert event["quantity"] == sum(event["usage"].values()) > 0, feature
        assert dollars(event["costUsd"]) == exact(event["usage"])
        assert (event["price"], event["measured"], event["ownKey"]) == (SHOWN, True, False)
        assert event["billingPeriod"] == event["createdAt"][:7]
        assert event["providerMetadata"] == {"finishReason": "stop"}
    assert by_feature["chat"]["usage"] == end["usage"]


async def test_an_app_s_answer_says_so(server: Server) -> None:
    ada = server.user()
    await ended(ada, await ask(ada, "Build it [[tokens:3]]"))
    (event,) = await counted(server, 1, "app")
    assert event["measured"]


async def test_each_step_of_an_answer_is_a_call(server: Server) -> None:
    ada = server.user()
    call = f"[[rounds:2]] [[call:add {json.dumps({'a': 1, 'b': 2})}]]"
    end = await ended(ada, await started(ada, call, model=TOOLS))
    events = await counted(server, 3)
    assert sum(event["quantity"] for event in events) == sum(end["usage"].values())
    for name in ("inputTokens", "outputTokens"):
        assert sum(event["usage"][name] for event in events) == end["usage"][name]


async def test_failed_tries_count_what_is_known_of_them(start_server: StartServer) -> None:
    told = {"prompt_tokens": 40, "completion_tokens": 2}
    told["prompt_tokens_details"] = {"cached_tokens": 30}  # type: ignore[assignment]

    async def play(reply: Reply) -> None:
        await reply.chunk({"content": "Sweet"})
        if len(there.bodies) == 1:
            await reply.event(json.dumps({"id": "c", "choices": [], "usage": told}))
            reply.drop()
            return
        await reply.chunk({}, reason="stop")
        await reply.done(usage=(11, 7))

    async with endpoint(play) as there:
        settings = {"models": priced(), "default_model": MOCK, "openai_base_url": there.url}
        server = await start_server(openai_api_key="sk-x", **settings)
        ada = server.user()
        await ended(ada, await ask(ada, "Hello", model=OPENAI))
        lost, kept = await counted(server, 2, "app")
    assert lost["usage"] == {"inputTokens": 40, "outputTokens": 2, "cachedInputTokens": 30}
    assert (lost["quantity"], kept["quantity"]) == (42, 18)
    assert [dollars(str(row["cost_usd"])) for row in (lost, kept)] == [
        exact(row["usage"]) for row in (lost, kept)
    ]
    assert kept["provider_metadata"] == {
        "finishReason": "stop",
        "responseId": "c",
        "servedModel": "gpt-x",
    }


async def test_what_a_provider_does_not_tell_is_not_made_up(start_server: StartServer) -> None:
    async def play(reply: Reply) -> None:
        await reply.chunk({"content": "Sweet"}, reason="stop")
        await reply.done()

    async with endpoint(play) as there:
        settings = {"models": priced(), "default_model": MOCK, "openai_base_url": there.url}
        server = await start_server(openai_api_key="sk-x", **settings)
        ada = server.user()
        await ended(ada, await ask(ada, "Hello", model=OPENAI))
        (event,) = await events_of(ada)
    assert (event["quantity"], event["costUsd"], event["measured"]) == (0, "0", False)
    assert (await totals_of(ada))["total"]["unmeasured"] == 1


async def test_each_broken_off_try_is_marked(server: Server) -> None:
    ada = server.user()
    await ended(ada, await started(ada, "[[tokens:6]]", model="mock:fail"))
    events = await counted(server, 3)
    assert {(event["measured"], event["quantity"]) for event in events} == {(False, 0)}


async def test_a_refused_call_used_nothing(server: Server) -> None:
    ada = server.user()
    await ended(ada, await started(ada, "[[refuse]]"))
    assert await events_of(ada) == []


async def stopped_answer(server: Server, ada: Api) -> str:
    """An answer that was stopped after its first words."""
    reply = await started(ada, "x", model="mock:endless")
    async with ada.listen(STREAM, id=reply) as events:
        await events.next()
    await ada.do("stopMessage", "{ message { id } }", id=reply)
    return reply


async def test_a_stopped_answer_is_marked_until_its_provider_tells(server: Server) -> None:
    ada = server.user()
    reply = await stopped_answer(server, ada)
    (event,) = await counted(server, 1)
    assert (event["measured"], event["quantity"], event["model"]) == (False, 0, "mock:endless")
    lease, actor = await lease_of(server, reply), actor_of(server, None)
    for tokens in (5, 900):  # the second time it is known
        usage = {"inputTokens": tokens, "outputTokens": 4}
        await count_unwanted_call(actor, lease, ModelCall(lease.model, usage=usage))
    (late,) = await counted(server, 1)
    assert (late["id"], late["measured"], late["quantity"]) == (event["id"], True, 9)


async def test_an_answer_that_is_kept_twice_is_counted_once(server: Server) -> None:
    ada = server.user()
    reply = await started(ada, "Hello [[tokens:5]]")
    await ended(ada, reply)
    (event,) = await counted(server, 1)
    lease, actor = await lease_of(server, reply), actor_of(server, None)
    again = ModelCall(lease.model, usage={"inputTokens": 90, "outputTokens": 90})
    assert not await finish_generation(actor, lease, ANSWER, again)
    assert await counted(server, 1) == [event]


async def test_an_own_key_is_counted_and_costs_nothing(start_server: StartServer) -> None:
    async def play(reply: Reply) -> None:
        await reply.chunk({"content": "Sweet"}, reason="stop")
        await reply.done(usage=(11, 7))

    async with endpoint(play) as there:
        settings = {"models": priced(), "default_model": MOCK, "openai_base_url": there.url}
        server = await start_server(openai_api_key="sk-x", **settings)
        ada = server.user()
        await ada.do("setUserKey", "{ userKey { id } }", provider="openai", key="sk-own-0123456789")
        await ended(ada, await ask(ada, "Hello", model=OPENAI))
        (event,) = await events_of(ada)
    assert (event["ownKey"], event["costUsd"], event["quantity"]) == (True, "0", 18)
    assert event["measured"]


async def test_a_price_is_the_one_of_its_time(server: Server, start_server: StartServer) -> None:
    ada = server.user()
    await ended(ada, await ask(ada, "Hello [[tokens:5]]"))
    before = await events_of(ada)
    dearer = priced(input="9", output="9")
    later = await start_server(models=dearer, default_model=MOCK, worker=False)
    assert before[0]["price"] == SHOWN
    assert await events_of(later.user()) == before


async def test_an_organisation_s_events_are_for_billing_alone(server: Server) -> None:
    ada, eve, bob, cleo = (server.user(name) for name in ("ada", "eve", "bob", "cleo"))
    org = await found(ada)
    await join(server, ada, org, eve, "EDITOR")
    await join(server, ada, org, bob, "BILLING")
    await ended(eve, await started(eve, "Hello [[tokens:5]]", orgId=org))
    await counted(server, 1, "title")
    for who in (ada, bob):
        events = await events_of(who, org)
        assert {(one["orgId"], one["userId"]) for one in events} == {(org, await id_of(eve))}
        assert (await totals_of(who, org=org))["total"]["events"] == 2
    for who in (eve, cleo):
        assert await events_of(who, org) == []
        assert await totals_of(who, org=org) is None
    assert await events_of(eve) == []


async def test_a_guest_s_events_go_to_the_user(server: Server) -> None:
    guest = await guest_of(server)
    await ended(guest, await started(guest, "Hello [[tokens:5]]"))
    await counted(server, 1, "title")
    ada = server.user()
    await ada.do("claimGuest", "{ user { id } }", token=guest.token)
    assert {event["userId"] for event in await events_of(ada)} == {await id_of(ada)}
    assert len(await events_of(ada)) == 2


async def test_erasing_a_user_leaves_an_organisation_s_accounts(server: Server) -> None:
    ada, eve = server.user("ada"), server.user("eve")
    org, erased = await found(ada), await id_of(eve)
    await join(server, ada, org, eve, "EDITOR")
    for where in ({"orgId": org}, {}):
        await ended(eve, await started(eve, "Hello [[tokens:5]]", **where))
    await counted(server, 2, "title")
    await eve.do("deleteMe", "{ deletedUserId }")
    gone = "SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM usage_event WHERE owner_id = $1)"
    await eventually(lambda: server.sql(gone, erased))
    assert {event["userId"] for event in await events_of(ada, org)} == {erased}
    assert len(await events_of(ada, org)) == 2
