"""Ratings of messages, and what users say of the product."""

from __future__ import annotations

import asyncio

import pytest

from tests.harness.accounts import guest_of
from tests.harness.api import Api, Server, StartServer
from tests.harness.clock import FakeClock
from tests.harness.orgs import found, join
from tests.harness.planting import make_operator
from tests.harness.refusals import refusal, unchanged
from tests.harness.sharing import say, talk_of
from tests.harness.verbs import id_of

RATED = "{ messageFeedback { id rating comment userId message { id } } }"
RATINGS = """query($id: ID!) { message(id: $id) {
  ratings { rating comment userId } } }"""
FEEDBACK = "{ feedback { nodes { userId message } } }"


@pytest.fixture
async def still(start_server: StartServer) -> Server:
    return await start_server(worker=False)


async def ratings(reader: Api, message: str) -> list[tuple[int, str | None, str]]:
    """What users think of a message, newest first."""
    found = await reader.run(RATINGS, id=message)
    nodes = found["message"]["ratings"]
    return [(one["rating"], one["comment"], one["userId"]) for one in nodes]


async def test_each_user_has_one_rating_of_a_message(still: Server) -> None:
    ada, vic, eve = still.user("ada"), still.user("vic"), still.user("eve")
    org = await found(ada)
    await join(still, ada, org, vic, "VIEWER")
    message = await say(ada, await talk_of(ada, orgId=org), "Boil it for an hour.")
    first = await ada.do("rateMessage", RATED, messageId=message, rating=-1, comment="Too long.")
    again = await ada.do("rateMessage", RATED, messageId=message, rating=1)
    assert again["messageFeedback"]["id"] == first["messageFeedback"]["id"]
    await vic.do("rateMessage", RATED, messageId=message, rating=0, comment="Hm.")
    expected = [(0, "Hm.", await id_of(vic)), (1, None, await id_of(ada))]
    assert await ratings(ada, message) == expected
    await id_of(eve)
    async with unchanged(still):
        for rating in (-2, 2):
            refused = await refusal(ada, "rateMessage", messageId=message, rating=rating)
            assert refused == ("INVALID", "rating")
        refused = await refusal(eve, "rateMessage", messageId=message, rating=1)
        assert refused == ("NOT_FOUND", "messageId")


async def test_parallel_ratings_of_a_user_are_one(still: Server) -> None:
    ada = still.user("ada")
    message = await say(ada, await talk_of(ada), "Boil it.")
    given = [{"messageId": message, "rating": number % 3 - 1} for number in range(12)]
    await asyncio.gather(*(ada.do("rateMessage", RATED, **one) for one in given))
    assert len(await still.sql("SELECT 1 FROM message_feedback")) == 1


async def test_a_rating_goes_with_its_message(still: Server) -> None:
    ada = still.user("ada")
    message = await say(ada, await talk_of(ada), "Boil it.")
    rated = await ada.do("rateMessage", RATED, messageId=message, rating=1)
    await ada.do("deleteMessage", "{ __typename }", id=message)
    node = await ada.run(
        "query($id: ID!) { node(id: $id) { id } }", id=rated["messageFeedback"]["id"]
    )
    assert node == {"node": None}


async def test_users_and_guests_tell_the_operators(still: Server) -> None:
    ada, olga, guest = still.user("ada"), still.user("olga"), await guest_of(still)
    given = {"message": "More fruit, please.", "idempotencyKey": "once"}
    assert await ada.do("sendFeedback", "{ sent }", **given) == {"sent": True}
    assert await ada.do("sendFeedback", "{ sent }", **given) == {"sent": True}
    await guest.do("sendFeedback", "{ sent }", message="Nice.")
    assert await refusal(still.nobody(), "sendFeedback", message="?") == ("UNAUTHENTICATED", None)
    assert (await refusal(ada, "sendFeedback", message="x" * 10_001))[0] == "INVALID"
    assert await ada.run(FEEDBACK) == {"feedback": {"nodes": []}}
    await make_operator(still, olga)
    assert (await olga.run(FEEDBACK))["feedback"]["nodes"] == [
        {"userId": await id_of(guest), "message": "Nice."},
        {"userId": await id_of(ada), "message": "More fruit, please."},
    ]
    await ada.do("deleteMe", "{ __typename }")
    assert len((await olga.run(FEEDBACK))["feedback"]["nodes"]) == 1, "hers went with her"


async def test_feedback_is_bounded(start_server: StartServer) -> None:
    server = await start_server(worker=False, clock=FakeClock(), sign_in_tries=3)
    ada = server.user("ada")
    for number in range(3):
        await ada.do("sendFeedback", "{ sent }", message=f"{number}")
    assert (await refusal(ada, "sendFeedback", message="One more."))[0] == "RATE_LIMITED"
