"""What is moved while it is being answered stays charged to whom it was when it was asked for."""

from __future__ import annotations

from typing import Any

import pytest

from tests.billing.metering import MOCK, counted, priced
from tests.harness.accounts import guest_of
from tests.harness.answers import ended
from tests.harness.api import Api, Server, StartServer
from tests.harness.orgs import found
from tests.harness.verbs import id_of

SETTINGS: dict[str, Any] = {"models": priced(), "default_model": MOCK}
BEGUN = "{ conversation { id } reply { id } }"


async def _moved(server: Server, api: Api, away: str | None, to: str | None) -> str:
    """Ask in one place, and move to another before anybody answers; the reply's id."""
    begun = await api.do("startConversation", BEGUN, content="Hi", orgId=away)
    moved = {"id": begun["conversation"]["id"], "orgId": to}
    await api.do("moveConversation", "{ __typename }", **moved)
    return begun["reply"]["id"]


@pytest.mark.parametrize("inwards", [True, False], ids=["into an organisation", "out of one"])
async def test_a_move_changes_nobody_s_bill(start_server: StartServer, inwards: bool) -> None:
    still = await start_server(**SETTINGS, worker=False)
    ada = still.user()
    own, org = await id_of(ada), await found(ada)
    places = (None, org) if inwards else (org, None)
    reply = await _moved(still, ada, *places)
    server = await start_server(**SETTINGS)
    await ended(server.user(), reply)
    events = await counted(server, 1) + await counted(server, 1, "title")
    charged = own if inwards else org
    assert [event["owner_id"] for event in events] == [charged, charged]


async def test_what_is_broken_off_is_charged_there_too(start_server: StartServer) -> None:
    server = await start_server(**SETTINGS)
    ada = server.user()
    org = await found(ada)
    begun = await ada.do("startConversation", BEGUN, content="Hi", model="mock:endless", orgId=org)
    async with ada.listen(
        "subscription($id: ID!) { messageStreamed(messageId: $id) { text } }",
        id=begun["reply"]["id"],
    ) as text:
        await text.next()
    await ada.do("moveConversation", "{ __typename }", id=begun["conversation"]["id"])
    await ada.do("stopMessage", "{ __typename }", id=begun["reply"]["id"])
    (event,) = await counted(server, 1)
    assert event["owner_id"] == org


async def test_a_guest_s_bill_goes_to_who_they_are(start_server: StartServer) -> None:
    still = await start_server(**SETTINGS, worker=False)
    guest, ada = await guest_of(still), still.user()
    begun = await guest.do("startConversation", BEGUN, content="Hi", model=MOCK)
    await id_of(ada)
    await ada.do("claimGuest", "{ __typename }", token=guest.token)
    server = await start_server(**SETTINGS)
    await ended(server.user(), begun["reply"]["id"])
    (event,) = await counted(server, 1)
    assert event["owner_id"] == await id_of(ada)
