"""Holes of the source that concern credits, each attacked."""

from __future__ import annotations

import re
from typing import Any

import pytest

from models.billing.plans import PlanTier
from tests.harness.answers import ended
from tests.harness.api import StartServer
from tests.harness.crediting import (
    BEST,
    CHEAP,
    COSTLY,
    MODELS,
    PRO,
    balanced,
    refused,
    start,
    subscribe,
    usage_of,
)
from tests.harness.orgs import found, join
from tests.harness.planting import make_operator
from tests.harness.verbs import id_of

STILL: dict[str, Any] = COSTLY | {"worker": False}


async def test_hole_03_only_operators_reset_credits(start_server: StartServer) -> None:
    server = await start_server(**STILL)
    ada, boss = server.user("ada"), server.user("boss")
    user = await id_of(ada)
    begun = await start(ada, BEST)
    for caller in (ada, server.user("eve")):
        assert (await refused(caller, "resetCredits", userId=user))["code"] == "FORBIDDEN"
    assert (await usage_of(ada))["points"] == 3
    await make_operator(server, boss)
    assert (await refused(boss, "resetCredits", userId=await id_of(boss)))["code"] == "NOT_FOUND"
    reset = await boss.do("resetCredits", "{ usage { userId expire } }", userId=user)
    assert reset["usage"] == {"userId": user, "expire": None}
    assert (await usage_of(ada))["points"] == 5
    await start(ada, PRO)
    await ada.do("stopMessage", "{ __typename }", id=begun["reply"]["id"])
    found_ = await usage_of(ada)
    assert (found_["points"], found_["reserved"]) == (4, 1), "the old reservation is not of here"
    await balanced(server.sql)
    audited = await server.sql(
        "SELECT action, user_id, owner_id FROM audit_log WHERE action = $1", "credits.reset"
    )
    assert audited == [{"action": "credits.reset", "user_id": await id_of(boss), "owner_id": user}]


async def test_hole_03_no_client_says_what_anything_costs(start_server: StartServer) -> None:
    server = await start_server(**STILL)
    ada = server.user()
    fields = "{ __schema { types { name inputFields { name } } } }"
    inputs = {
        (kind["name"], field["name"])
        for kind in (await ada.run(fields))["__schema"]["types"]
        for field in kind["inputFields"] or ()
    }
    telling = re.compile("multiplier|cost|tier", re.IGNORECASE)
    told = {(kind, name) for kind, name in inputs if telling.search(name)}
    assert told == {("GrantSubscriptionInput", "planTier")}, "which only operators say"


async def test_hole_03_a_name_that_ends_in_free_is_not_free(start_server: StartServer) -> None:
    named = [*MODELS, {"id": "mock:slow:free", "tier": "best"}]
    server = await start_server(**STILL | {"models": named})
    ada = server.user()
    for model in (f"{CHEAP}:free", "cheap", ":free"):
        assert (await refused(ada, "startConversation", content="Hi", model=model))[
            "code"
        ] == "INVALID"
    await start(ada, "mock:slow:free")
    assert (await usage_of(ada))["reserved"] == 2


async def test_hole_04_what_is_paid_is_what_runs(start_server: StartServer) -> None:
    server = await start_server(**COSTLY)
    ada = server.user()
    begun = await start(ada, CHEAP, content="Hi [[first:0ms]]")
    await ended(ada, begun["reply"]["id"])
    again = {"id": begun["reply"]["id"], "model": "mock:tools"}
    reply = (await ada.do("regenerateMessage", "{ reply { id } }", **again))["reply"]["id"]
    assert (await ended(ada, reply))["model"] == "mock:tools"
    rows = await server.sql(
        "SELECT r.model AS paid, g.model AS run, r.cost::float FROM credit_reservation r "
        "JOIN generation g ON g.message_id = r.subject_id ORDER BY r.cost"
    )
    assert rows == [
        {"paid": CHEAP, "run": CHEAP, "cost": 0.5},
        {"paid": "mock:tools", "run": "mock:tools", "cost": 1},
    ]


async def test_hole_04_runs_are_not_free(start_server: StartServer) -> None:
    server = await start_server(**STILL | {"free_credits": 1})
    ada = server.user()
    project = await ada.do("createProject", "{ project { id } }", name="One", framework="VUE")
    run = {"projectId": project["project"]["id"], "value": "Do it", "model": PRO}
    await ada.do("enqueueAgentRun", "{ __typename }", **run)
    assert (await refused(ada, "enqueueAgentRun", **run))["code"] == "OUT_OF_CREDITS"


async def test_hole_04_a_failed_run_is_given_back(start_server: StartServer) -> None:
    server = await start_server(**COSTLY)
    ada = server.user()
    begun = await start(ada, "mock:fail", content="Hi [[refuse]]")
    assert (await ended(ada, begun["reply"]["id"]))["outcome"] == "FAILED"
    assert (await usage_of(ada))["points"] == 5


@pytest.mark.parametrize("allowance", ["1.9999", "0"])
async def test_hole_04_a_new_window_is_checked_as_well(
    start_server: StartServer, allowance: str
) -> None:
    server = await start_server(**STILL | {"free_credits": allowance})
    ada = server.user()
    told = await refused(ada, "startConversation", content="Hi", model=BEST)
    known = {"code": "OUT_OF_CREDITS", "cost": 2, "limit": float(allowance)}
    assert told == known | {"remaining": float(allowance)}, "no reset would help"
    assert await server.sql("SELECT id FROM usage") == [], "no window has begun"


async def test_hole_05_who_sends_pays_by_their_own_plan(start_server: StartServer) -> None:
    server = await start_server(**COSTLY)
    ada, bob = server.user("ada"), server.user("bob")
    await subscribe(server, await id_of(ada), PlanTier.PRO)
    org = await found(ada)
    await join(server, ada, org, bob, "EDITOR")
    begun = await start(bob, CHEAP, orgId=org, content="Hi [[first:0ms]]")
    await ended(bob, begun["reply"]["id"])
    found_ = await usage_of(bob)
    assert (found_["maxPoints"], found_["spent"]) == (5, 0.5), "settled by a worker that is nobody"
    assert (await usage_of(ada))["points"] == 100
    to = {"conversationId": begun["conversation"]["id"]}
    await ada.do("sendMessage", "{ __typename }", to=to, content="Hi [[first:60s]]", model=PRO)
    found_ = await usage_of(ada)
    assert (found_["reserved"], found_["maxPoints"]) == (1, 100)
    assert (await usage_of(bob))["spent"] == 0.5


async def test_hole_05_a_stranger_sees_and_spends_nothing_of_anothers(
    start_server: StartServer,
) -> None:
    server = await start_server(**STILL)
    ada, eve = server.user("ada"), server.user("eve")
    await start(ada)
    rows = await server.sql(
        "SELECT id FROM usage UNION SELECT id FROM credit_ledger UNION SELECT id FROM "
        "credit_reservation"
    )
    ids = [row["id"] for row in rows]
    assert len(ids) == 4
    seen = await eve.run("query($ids: [ID!]!) { nodes(ids: $ids) { id } }", ids=ids)
    assert seen["nodes"] == [None] * 4
    seen = await ada.run("query($ids: [ID!]!) { nodes(ids: $ids) { id } }", ids=ids)
    assert [one["id"] for one in seen["nodes"]] == ids
