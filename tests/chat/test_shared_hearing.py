"""Hearing of a shared conversation: what its readers are told, and when they are sent away."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from models.chat.messages import Message
from tests.harness.api import Api, Events, Refused, Server, StartServer
from tests.harness.orgs import found, join
from tests.harness.planting import alter
from tests.harness.sharing import HEARD, other_version, say, share, talk_of, texts

pytestmark = pytest.mark.both_paths
START = {"node": None, "deletedId": None, "reset": True}
End = Callable[[Server, Api, str, str], Awaitable[Any]]
"""Ends what a reader reads by a link: given the server, the owner, the conversation, the link."""


async def revoke(_: Server, ada: Api, __: str, link: str) -> None:
    await ada.do("revokeShareLink", "{ revokedLinkId }", id=link)


async def delete(_: Server, ada: Api, talk: str, __: str) -> None:
    await ada.do("deleteConversation", "{ __typename }", id=talk)


async def delete_folder(_: Server, ada: Api, talk: str, __: str) -> None:
    where = await ada.run("query($id: ID!) { conversation(id: $id) { projectId } }", id=talk)
    await ada.do("deleteProject", "{ __typename }", id=where["conversation"]["projectId"])


async def erase_owner(_: Server, ada: Api, __: str, ___: str) -> None:
    await ada.do("deleteMe", "{ __typename }")


async def move(_: Server, ada: Api, talk: str, __: str) -> None:
    await ada.do("moveConversation", "{ __typename }", id=talk, orgId=await found(ada))


async def move_folder(_: Server, ada: Api, talk: str, __: str) -> None:
    where = await ada.run("query($id: ID!) { conversation(id: $id) { projectId } }", id=talk)
    folder = where["conversation"]["projectId"]
    await ada.do("moveProject", "{ __typename }", id=folder, orgId=await found(ada))


async def ended(events: Events) -> None:
    """Fails unless the subscription is refused within a second."""
    with pytest.raises(Refused) as refused:
        await events.next(1.0)
    assert refused.value.code == "NOT_FOUND"


@pytest.fixture
async def still(start_server: StartServer) -> Server:
    return await start_server(worker=False)


async def test_readers_hear_of_what_the_link_shows_and_nothing_else(still: Server) -> None:
    ada, nobody = still.user("ada"), still.nobody()
    talk, elsewhere = await talk_of(ada), await talk_of(ada)
    one = await say(ada, talk, "one")
    token, _ = await share(ada, talk)
    async with nobody.listen(HEARD, token=token) as events:
        assert await events.next() == START
        await say(ada, elsewhere, "not here")
        two = await say(ada, talk, "two")
        told = {"node": {"id": two, "content": "two"}, "deletedId": None, "reset": False}
        assert await events.next() == told
        other = await other_version(still, ada, talk, one, "secret version")
        await alter(still, Message, other, content="another secret")
        await ada.do("deleteMessage", "{ __typename }", id=other)
        await ada.do("deleteMessage", "{ __typename }", id=two)
        assert await events.next() == {"node": None, "deletedId": two, "reset": False}


async def test_readers_hear_what_leaves_the_selected_branch(still: Server) -> None:
    ada, nobody = still.user("ada"), still.nobody()
    talk = await talk_of(ada)
    one = await say(ada, talk, "one")
    other = await other_version(still, ada, talk, one, "another version")
    token, _ = await share(ada, talk)
    async with nobody.listen(HEARD, token=token) as events:
        assert await events.next() == START
        await ada.do("selectBranch", "{ __typename }", id=other)
        heard = [await events.next(), await events.next()]
        assert {event["deletedId"] for event in heard} == {one, None}
        assert [event["node"]["id"] for event in heard if event["node"]] == [other]


async def test_readers_of_a_frozen_link_hear_of_nothing_later(still: Server) -> None:
    ada, nobody = still.user("ada"), still.nobody()
    talk = await talk_of(ada)
    one = await say(ada, talk, "one")
    token, link = await share(ada, talk, messageId=one)
    async with nobody.listen(HEARD, token=token) as events:
        assert await events.next() == START
        two = await say(ada, talk, "two")
        await other_version(still, ada, talk, one, "secret version")
        await ada.do("deleteMessage", "{ __typename }", id=two)
        await alter(still, Message, one, content="one, mended")
        assert (await events.next())["node"] == {"id": one, "content": "one, mended"}
        await ada.do("revokeShareLink", "{ revokedLinkId }", id=link)
        await ended(events)


@pytest.mark.parametrize("end", [revoke, delete, delete_folder, move, move_folder, erase_owner])
async def test_the_end_of_a_link_sends_its_readers_away(still: Server, end: End) -> None:
    ada, eve, nobody = still.user("ada"), still.user("eve"), still.nobody()
    folder = await ada.do("createFolder", "{ project { id } }", name="Jams")
    talk = await talk_of(ada, projectId=folder["project"]["id"])
    await say(ada, talk, "one")
    token, link = await share(ada, talk)
    async with (
        nobody.listen(HEARD, token=token) as first,
        eve.listen(HEARD, token=token) as second,
    ):
        assert [await first.next(), await second.next()] == [START, START]
        await end(still, ada, talk, link)
        assert await texts(nobody, token) is None, "the next request is refused"
        await ended(first)
        await ended(second)


@pytest.mark.parametrize("act", ["remove the maker", "delete org"])
async def test_in_an_organisation_readers_are_sent_away(still: Server, act: str) -> None:
    ada, eve, nobody = still.user("ada"), still.user("eve"), still.nobody()
    org = await found(ada)
    member = await join(still, ada, org, eve, "EDITOR")
    token, _ = await share(eve, await talk_of(eve, orgId=org))
    async with (
        nobody.listen(HEARD, token=token) as first,
        eve.listen(HEARD, token=token) as second,
    ):
        assert [await first.next(), await second.next()] == [START, START]
        if act == "delete org":
            await ada.do("deleteOrg", "{ __typename }", id=org)
        else:
            await ada.do("removeOrgMember", "{ __typename }", id=member)
        await ended(first)
        await ended(second)


async def test_a_link_ends_at_its_time(still: Server) -> None:
    ada, nobody = still.user("ada"), still.nobody()
    talk = await talk_of(ada)
    ends = datetime.now(UTC) + timedelta(seconds=2)
    token, _ = await share(ada, talk, expiresAt=ends.isoformat())
    async with nobody.listen(HEARD, token=token) as events:
        assert await events.next() == START
        with pytest.raises(Refused) as refused:
            await events.next(4.0)
        assert refused.value.code == "NOT_FOUND"
    assert await texts(nobody, token) is None


async def test_a_reader_who_is_named_no_more_is_sent_away(still: Server) -> None:
    local = still.services.authenticator.local
    ada = still.user("ada")
    bob = Api(still.session, still.url, local.issue_dev_token("bob", email="bob@example.org"))
    talk = await talk_of(ada)
    token, _ = await share(ada, talk, "NAMED", people=["bob@example.org"])
    async with bob.listen(HEARD, token=token) as events:
        assert await events.next() == START
        await bob.do("deleteMe", "{ __typename }")
        await events.revoked()


async def test_those_whom_the_link_does_not_let_in_hear_nothing(still: Server) -> None:
    ada, eve = still.user("ada"), still.user("eve")
    token, _ = await share(ada, await talk_of(ada), "NAMED", people=["bob@example.org"])
    for reader, given in ((eve, token), (still.nobody(), token), (eve, "forged")):
        async with reader.listen(HEARD, token=given) as events:
            with pytest.raises(Refused) as refused:
                await events.next()
            assert refused.value.code == "NOT_FOUND"
