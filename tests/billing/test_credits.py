"""Credits: reserved with the message, spent or given back at its end, never more than granted."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from app.config import Settings
from models.billing.plans import PlanTier
from models.billing.subscriptions import Subscription, SubscriptionStatus
from tests.harness.accounts import guest_of
from tests.harness.answers import ended
from tests.harness.api import Api, Server, StartServer
from tests.harness.clock import FakeClock
from tests.harness.crediting import (
    BEST,
    CHEAP,
    COSTLY,
    PRO,
    balanced,
    refused,
    start,
    subscribe,
    usage_of,
)
from tests.harness.planting import alter
from tests.harness.verbs import id_of

STILL: dict[str, Any] = COSTLY | {"worker": False}
FULL = {
    "points": 5,
    "granted": 5,
    "reserved": 0,
    "spent": 0,
    "expire": None,
    "planType": "FREE",
    "maxPoints": 5,
    "remainingPoints": 5,
    "creditsRemaining": 5,
    "msBeforeNext": None,
}


async def divided(api: Api) -> tuple[float, float, float]:
    """How a caller's credits are divided: left, reserved and spent."""
    found = await usage_of(api)
    return found["points"], found["reserved"], found["spent"]


def test_the_defaults_are_those_of_the_source() -> None:
    found = Settings()
    assert (found.credits, found.credit_hours, found.least_cost * 2) == (True, 24, 1)
    assert (found.free_credits, found.pro_credits) == (5, 100)
    tiers = found.cheap_multiplier * 2, found.pro_multiplier, found.best_multiplier
    assert tiers == (1, 1, 2)
    mocks = {name: cost for name, cost in found.model_multipliers.items() if "mock:" in name}
    assert len(mocks) == 5
    assert not any(mocks.values()), "trying Punnet out is for free"


async def test_before_the_first_use_all_is_there(start_server: StartServer) -> None:
    server = await start_server(**STILL)
    ada = server.user()
    assert await usage_of(ada) == FULL
    assert await server.sql("SELECT id FROM usage") == []
    assert (await server.nobody().run("{ usage { points } }"))["usage"] is None


async def test_every_way_of_sending_reserves_what_its_models_cost(
    start_server: StartServer,
) -> None:
    server = await start_server(**STILL, free_credits=100)
    ada = server.user()
    sent, supersede = "{ message { id } reply { id } }", {"supersede": True}
    begun = await start(ada, CHEAP)
    assert await divided(ada) == (99.5, 0.5, 0)
    to = {"conversationId": begun["conversation"]["id"]}
    more = await ada.do("sendMessage", sent, to=to, content="More", model=BEST, **supersede)
    assert await divided(ada) == (98, 2, 0), "the superseded one is given back"
    more = await ada.do("editMessage", sent, id=more["message"]["id"], content="Less", **supersede)
    assert await divided(ada) == (99.5, 0.5, 0)
    await ada.do("regenerateMessage", sent, id=more["reply"]["id"], model=PRO, **supersede)
    assert await divided(ada) == (99, 1, 0)
    await start(ada, model=None, models=[CHEAP, PRO, BEST])
    assert await divided(ada) == (95.5, 4.5, 0)
    made = await ada.do("createProjectWithMessage", "{ project { id } }", content="App", model=PRO)
    assert await divided(ada) == (94.5, 5.5, 0)
    browser = {"runSource": "WEBCONTAINER", "model": BEST}
    await ada.do("createProjectWithMessage", sent, content="App", **browser)
    assert await divided(ada) == (92.5, 7.5, 0)
    run = {"projectId": made["project"]["id"], "value": "Do it", "model": BEST}
    await ada.do("enqueueAgentRun", "{ agentRun { id } }", **run)
    assert await divided(ada) == (90.5, 9.5, 0)
    empty = await ada.do("createConversation", "{ conversation { id } }")
    note = {"conversationId": empty["conversation"]["id"]}
    await ada.do("createMessage", "{ message { id } }", to=note, content="A note")
    assert await divided(ada) == (90.5, 9.5, 0), "nothing answers it"
    await balanced(server.sql)


async def test_what_is_too_much_is_refused_as_a_whole(start_server: StartServer) -> None:
    clock = FakeClock()
    server = await start_server(**STILL, clock=clock)
    ada = server.user()
    for _ in range(2):
        await start(ada, BEST)
    clock.advance(hours=23)
    told = await refused(ada, "startConversation", content="Hi", model=BEST)
    ends = (clock.now() + timedelta(hours=1)).isoformat(timespec="milliseconds")
    assert told == {
        "code": "OUT_OF_CREDITS",
        "cost": 2,
        "limit": 5,
        "remaining": 1,
        "resetsAt": ends.replace("+00:00", "Z"),
        "retryAfter": 3600,
    }
    assert len(await server.sql("SELECT id FROM conversation")) == 2
    await start(ada, PRO)
    told = await refused(ada, "startConversation", content="Hi", model=CHEAP)
    assert (told["remaining"], told["cost"]) == (0, 0.5)
    await balanced(server.sql)


async def test_a_repeated_call_is_charged_once(start_server: StartServer) -> None:
    server = await start_server(**STILL)
    ada = server.user()
    for _ in range(3):
        await start(ada, idempotencyKey="once")
    assert await divided(ada) == (4, 1, 0)


@pytest.mark.parametrize(
    ("model", "content", "outcome", "left"),
    [
        (CHEAP, "Hi", "SUCCEEDED", (4.5, 0, 0.5)),
        ("mock:fail", "Hi [[refuse]]", "FAILED", (5, 0, 0)),
        ("mock:fail", "Hi [[first:0ms]] [[fail-once]]", "SUCCEEDED", (4, 0, 1)),
    ],
    ids=["succeeded", "failed", "tried again"],
)
async def test_an_answer_is_charged_when_it_is_there(
    start_server: StartServer, model: str, content: str, outcome: str, left: tuple[float, ...]
) -> None:
    server = await start_server(**COSTLY)
    ada = server.user()
    begun = await start(ada, model, content=content)
    assert (await ended(ada, begun["reply"]["id"], 30))["outcome"] == outcome
    assert await divided(ada) == left
    tries = await server.sql("SELECT tries FROM generation")
    assert "fail-once" not in content or tries == [{"tries": 2}]
    await balanced(server.sql)


async def test_what_is_stopped_is_charged_once_there_are_words(start_server: StartServer) -> None:
    server = await start_server(**COSTLY)
    ada = server.user()
    quiet = await start(ada, BEST, content="Hi [[first:60s]]")
    loud = await start(ada, PRO, content="Hi [[first:0ms]] [[delay:50ms]]")
    subscription = "subscription($id: ID!) { messageStreamed(messageId: $id) { text } }"
    async with ada.listen(subscription, id=loud["reply"]["id"]) as events:
        while not (await events.next())["text"]:
            pass
    for begun in (quiet, loud):
        await ada.do("stopMessage", "{ __typename }", id=begun["reply"]["id"])
    assert await divided(ada) == (4, 0, 1)
    await balanced(server.sql)


async def test_what_is_deleted_is_given_back(start_server: StartServer) -> None:
    server = await start_server(**STILL)
    ada = server.user()
    begun = await start(ada)
    other = await start(ada)
    made = await ada.do("createProjectWithMessage", "{ project { id } }", content="A", model=PRO)
    assert await divided(ada) == (2, 3, 0)
    await ada.do("deleteConversation", "{ __typename }", id=begun["conversation"]["id"])
    await ada.do("deleteMessage", "{ __typename }", id=other["message"]["id"])
    await ada.do("deleteProject", "{ __typename }", id=made["project"]["id"])
    assert await divided(ada) == (5, 0, 0)
    await balanced(server.sql)


async def test_a_run_of_a_browser_is_charged_when_it_is_complete(
    start_server: StartServer,
) -> None:
    server = await start_server(**STILL)
    ada = server.user()
    made = await ada.do("createProject", "{ project { id } }", name="One", framework="VUE")
    runs = [await _run(ada, made["project"]["id"]) for _ in range(3)]
    assert await divided(ada) == (2, 3, 0)
    for run in runs:
        await ada.do("claimAgentRun", "{ __typename }", id=run)
    result = {"summary": "Done", "files": {"a.txt": "a"}}
    await ada.do("completeAgentRun", "{ __typename }", id=runs[0], **result)
    await ada.do("failAgentRun", "{ __typename }", id=runs[1], error="No")
    await ada.do("cancelAgentRun", "{ __typename }", id=runs[2])
    assert await divided(ada) == (4, 0, 1)
    await balanced(server.sql)


async def _run(api: Api, project: str) -> str:
    given = {"projectId": project, "value": "Do", "model": PRO}
    return (await api.do("enqueueAgentRun", "{ agentRun { id } }", **given))["agentRun"]["id"]


async def test_a_window_begins_with_the_first_use_and_ends_a_day_later(
    start_server: StartServer,
) -> None:
    clock = FakeClock()
    server = await start_server(**STILL, clock=clock)
    ada = server.user()
    old = await start(ada, BEST)
    began = await usage_of(ada)
    assert (began["msBeforeNext"], began["maxPoints"], began["remainingPoints"]) == (
        86_400_000,
        5,
        3,
    )
    clock.advance(hours=23, minutes=59, seconds=59.999)
    assert (await usage_of(ada))["msBeforeNext"] == 1
    await start(ada, BEST)
    clock.advance(seconds=0.001)
    assert await usage_of(ada) == FULL
    await start(ada, PRO)
    assert await divided(ada) == (4, 1, 0)
    await balanced(server.sql)
    await ada.do("stopMessage", "{ __typename }", id=old["reply"]["id"])
    assert await divided(ada) == (4, 1, 0), "what is of the old window changes nothing in this one"
    await balanced(server.sql)


async def test_plans_have_their_allowances(start_server: StartServer) -> None:
    server = await start_server(**STILL)
    ada = server.user()
    user = await id_of(ada)
    await start(ada, BEST)
    paid = await subscribe(server, user, PlanTier.PRO)
    assert await divided(ada) == (98, 2, 0), "the difference is there at once"
    for _ in range(4):
        await start(ada, BEST)
    assert await divided(ada) == (90, 10, 0)
    await alter(server, Subscription, paid, status=SubscriptionStatus.CANCELED)
    found = await usage_of(ada)
    assert (found["points"], found["granted"], found["maxPoints"]) == (0, 10, 5)
    told = await refused(ada, "startConversation", content="Hi", model=CHEAP)
    assert (told["limit"], told["remaining"]) == (5, 0)
    await alter(server, Subscription, paid, status=SubscriptionStatus.TRIALING)
    assert await divided(ada) == (90, 10, 0), "changing back and forth gains nothing"
    await subscribe(server, user, PlanTier.UNLIMITED)
    for _ in range(50):
        await start(ada, BEST)
    found = await usage_of(ada)
    assert (found["maxPoints"], found["remainingPoints"], found["reserved"]) == (None, None, 110)
    assert (found["points"], found["planType"]) == (0, "UNLIMITED")
    await balanced(server.sql)


async def test_what_models_cost_is_configured(start_server: StartServer) -> None:
    multipliers = {CHEAP: "0", PRO: "0.1", BEST: "3.25"}
    server = await start_server(**STILL | {"model_multipliers": multipliers})
    ada = server.user()
    await start(ada, CHEAP)
    assert await server.sql("SELECT id FROM usage") == [], "what is for free begins no window"
    await start(ada, PRO)
    assert await divided(ada) == (4.5, 0.5, 0), "half a credit at least"
    await start(ada, BEST)
    assert await divided(ada) == (1.25, 3.75, 0)


async def test_guests_have_no_credits(start_server: StartServer) -> None:
    server = await start_server(**STILL, daily_limits=True)
    guest = await guest_of(server)
    await start(guest, BEST)
    assert (await guest.run("{ usage { points } }"))["usage"] is None
    assert await server.sql("SELECT id FROM credit_reservation") == []


async def test_where_nothing_costs_there_is_no_usage(start_server: StartServer) -> None:
    server = await start_server(**STILL | {"credits": False})
    ada = server.user()
    await start(ada, BEST)
    assert (await ada.run("{ usage { points } }"))["usage"] is None


async def test_changes_are_heard(start_server: StartServer) -> None:
    server = await start_server(**STILL)
    ada = server.user()
    await id_of(ada)
    query = """subscription($after: String) { usageChanged(after: $after) {
      node { points reserved remainingPoints maxPoints } deletedId cursor reset } }"""
    async with ada.listen(query) as events:
        first = await events.next()
        assert (first["node"], first["deletedId"], first["reset"]) == (None, None, False)
        begun = await start(ada)
        held = (await events.next())["node"]
        assert held == {"points": 4, "reserved": 1, "remainingPoints": 4, "maxPoints": 5}
        await start(server.user("bob"))
        await ada.do("stopMessage", "{ __typename }", id=begun["reply"]["id"])
        assert (await events.next())["node"]["points"] == 5
    async with ada.listen(query, after=first["cursor"]) as events:
        assert (await events.next())["node"]["points"] == 5


async def test_the_ledger_tells_all_of_it(start_server: StartServer) -> None:
    server = await start_server(**STILL)
    ada = server.user()
    begun = await start(ada)
    await ada.do("stopMessage", "{ __typename }", id=begun["reply"]["id"])
    found = await ada.run("""{
      creditEntries(first: 9) { nodes { event granted points reserved spent model subjectId } }
      creditReservations(first: 9) { nodes { state cost model subjectId } } }""")
    about = {"model": PRO, "subjectId": begun["reply"]["id"]}
    zero = {"granted": 0, "points": 0, "reserved": 0, "spent": 0}
    assert found["creditReservations"]["nodes"] == [{"state": "RELEASED", "cost": 1} | about]
    by_event = {entry["event"]: entry for entry in found["creditEntries"]["nodes"]}
    nobody = {"model": None, "subjectId": None}
    assert by_event == {
        "GRANTED": zero | nobody | {"event": "GRANTED", "granted": 5, "points": 5},
        "RESERVED": zero | about | {"event": "RESERVED", "points": -1, "reserved": 1},
        "RELEASED": zero | about | {"event": "RELEASED", "points": 1, "reserved": -1},
    }
    assert (await server.user("bob").run("{ creditEntries { nodes { id } } }")) == {
        "creditEntries": {"nodes": []}
    }


async def test_the_ledger_only_grows(start_server: StartServer) -> None:
    server = await start_server(**STILL)
    await start(server.user())
    for change in (
        "UPDATE credit_ledger SET spent = 0",
        "DELETE FROM credit_ledger",
        "TRUNCATE credit_ledger",
    ):
        with pytest.raises(Exception, match="only grows"):
            await server.sql(change)
    assert len(await server.sql("SELECT id FROM credit_ledger")) == 2


async def test_what_was_spent_is_told_by_day_and_model(start_server: StartServer) -> None:
    server = await start_server(**COSTLY)
    ada = server.user()
    for model in (CHEAP, CHEAP, "mock:tools"):
        begun = await start(ada, model, content="Hi [[first:0ms]]")
        await ended(ada, begun["reply"]["id"])
    found = await _balances(server, ada)
    assert found == [
        {"model": CHEAP, "spent": 1, "answers": 2},
        {"model": "mock:tools", "spent": 1, "answers": 1},
    ]
    assert await _balances(server, server.user("bob")) == []


async def _balances(server: Server, api: Api) -> Any:
    now = server.services.ports.clock.now()
    span = {"since": (now - timedelta(days=1)).isoformat(), "until": now.isoformat()}
    query = """query($since: DateTime!, $until: DateTime!) {
      creditBalances(since: $since, until: $until) { model spent answers } }"""
    return (await api.run(query, **span))["creditBalances"]
