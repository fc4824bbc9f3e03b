"""Deletions undone: all is as it was, until the emptying has begun."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any

import pytest

from models.chat.deletion import work_off_deletion
from models.chat.undoing import undo_deletion
from models.errors import NotFound
from tests.harness.accounts import guest_of
from tests.harness.api import Api, Refused, Server, StartServer
from tests.harness.clock import FakeClock
from tests.harness.orgs import found, join
from tests.harness.refusals import refusal, unchanged
from tests.harness.sharing import opened, say, share, talk_of, texts
from tests.harness.uploading import http, image, send
from tests.harness.verbs import actor_of

pytestmark = pytest.mark.both_paths

LIST = """query($org: ID) { deletions(org: $org) { nodes {
  id kind subjectId title state dueAt removedRows totalRows orgId conversation { id } } } }"""
TALK = """query($id: ID!) { conversation(id: $id) {
  title pinned lastMessageAt latestMessage { id }
  messages { nodes { id content siblings { content } attachments { url } } } } }"""
FOUND = """{ searchMessages(words: "quince") { nodes { id } }
  searchConversations(words: "jam") { nodes { id } }
  pinnedConversations { nodes { id } } conversations { nodes { id } } }"""
CHANGED = """subscription($id: ID!, $after: String) { deletionChanged(id: $id, after: $after) {
  node { state removedRows totalRows title } deletedId cursor reset } }"""
HEARD = """subscription($id: ID!) { messageChanged(of: {conversationId: $id}) {
  node { id } deletedId reset } }"""
UNDONE = "{ project { id } conversation { id } message { id } }"
PLENTY = 500
ADD_PLENTY = """\
INSERT INTO message (id, created_at, updated_at, owner_id, conversation_id, role, type, status,
    content, order_id, branch_index, selected, on_branch, content_epoch, parent_id)
SELECT 'msg_' || lpad(n::text, 26, '0'), now(), now(), c.owner_id, c.id, 'USER', 'RESULT',
    'COMPLETE', 'Number ' || n, c.last_order_id + n, 0, true, true, 0,
    CASE n WHEN 1 THEN $3 ELSE 'msg_' || lpad((n - 1)::text, 26, '0') END
FROM conversation c, generate_series(1, $2::int) n WHERE c.id = $1"""


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def quiet(start_server: StartServer, clock: FakeClock) -> Server:
    """A server on which nothing happens by itself."""
    return await start_server(worker=False, clock=clock)


async def deletions(caller: Api, **given: Any) -> list[dict[str, Any]]:
    return (await caller.run(LIST, **given))["deletions"]["nodes"]


async def undo(caller: Api, **given: Any) -> Any:
    """Undo the newest deletion."""
    return await caller.do("undoDeletion", UNDONE, id=(await deletions(caller, **given))[0]["id"])


async def delete(caller: Api, what: str, id: str) -> str:
    """Delete something; returns the id of the deletion."""
    await caller.do(f"delete{what}", "{ __typename }", id=id)
    return (await deletions(caller))[0]["id"]


async def clear(caller: Api, id: str) -> str:
    await caller.do("clearConversation", "{ __typename }", id=id)
    return (await deletions(caller))[0]["id"]


async def add_plenty(server: Server, talk: str, after: str | None = None) -> None:
    """A chain of many messages at the end of a conversation."""
    await server.sql(ADD_PLENTY, talk, PLENTY, after)
    count = "UPDATE conversation SET last_order_id = last_order_id + $2 WHERE id = $1"
    await server.sql(count, talk, PLENTY)


async def test_a_conversation_is_back_in_lists_searches_and_links(quiet: Server) -> None:
    ada = quiet.user()
    talk = await talk_of(ada, title="Jam")
    await say(ada, talk, "Cook the quince slowly.")
    await ada.do("updateConversation", "{ __typename }", id=talk, pinned=True)
    token, _ = await share(ada, talk)
    before, said = await ada.run(FOUND), await texts(quiet.nobody(), token)
    assert before["searchMessages"]["nodes"], before
    await delete(ada, "Conversation", talk)
    assert await opened(quiet.nobody(), token) is None
    (deletion,) = await deletions(ada)
    assert deletion == deletion | {
        "kind": "CONVERSATION", "subjectId": talk, "title": "Jam", "state": "PENDING",
        "dueAt": "2031-06-16T08:30:00.250Z", "removedRows": 0, "totalRows": None,
        "orgId": None, "conversation": None,
    }  # fmt: skip
    undone = await undo(ada)
    assert undone == {"project": None, "conversation": {"id": talk}, "message": None}
    assert await ada.run(FOUND) == before
    assert await texts(quiet.nobody(), token) == said
    assert await deletions(ada) == []
    again = await delete(ada, "Conversation", talk)
    assert again != deletion["id"], "and may be deleted again"


async def test_a_project_is_back_with_all_in_it(quiet: Server) -> None:
    ada = quiet.user()
    made = await ada.do(
        "createProjectWithMessage", "{ project { id name } message { id } }", content="Build it"
    )
    project = made["project"]["id"]
    await ada.do("updateProject", "{ __typename }", id=project, showcased=True)
    read = """query($id: ID!) { project(id: $id) { name messages { nodes { id outcome } } }
      showcaseProjects { nodes { id } } }"""
    await delete(ada, "Project", project)
    assert (await ada.run(read, id=project))["project"] is None
    (deletion,) = await deletions(ada)
    assert (deletion["kind"], deletion["title"]) == ("PROJECT", made["project"]["name"])
    assert (await undo(ada))["project"] == {"id": project}
    found = await ada.run(read, id=project)
    outcomes = [message["outcome"] for message in found["project"]["messages"]["nodes"]]
    assert outcomes == [None, "CANCELED"]
    assert found["showcaseProjects"]["nodes"] == [{"id": project}]


async def test_cleared_messages_become_versions_of_what_was_said_since(quiet: Server) -> None:
    ada = quiet.user()
    talk = await talk_of(ada)
    picture = {"url": "https://files.example/a.png", "size": 9}
    to = {"conversationId": talk}
    made = await ada.do(
        "createMessage", "{ message { id } }", to=to, content="One", clientMessageId="c1"
    )
    await ada.do("addAttachment", "{ __typename }", messageId=made["message"]["id"], **picture)
    await say(ada, talk, "Two")
    (deletion,) = [await clear(ada, talk)]
    await ada.do("createMessage", "{ message { id } }", to=to, content="Anew", clientMessageId="c1")
    undone = await ada.do("undoDeletion", UNDONE, id=deletion)
    assert undone == {"project": None, "conversation": {"id": talk}, "message": None}
    shown = (await ada.run(TALK, id=talk))["conversation"]
    one, two = shown["messages"]["nodes"]
    assert (one["content"], two["content"]) == ("One", "Two")
    assert [sibling["content"] for sibling in one["siblings"]] == ["Anew", "One"]
    assert [file["url"] for file in one["attachments"]] == [picture["url"]]
    assert shown["latestMessage"] == {"id": two["id"]}
    names = await quiet.sql("SELECT content, client_message_id AS id FROM message ORDER BY id")
    assert {row["content"]: row["id"] for row in names} == {"One": None, "Two": None, "Anew": "c1"}


async def test_cleared_versions_come_after_those_of_now(quiet: Server) -> None:
    """Some at their old places, the others after the last."""
    ada = quiet.user()
    talk = await talk_of(ada)

    async def other(id: str, content: str) -> str:
        made = await ada.do(
            "editMessage", "{ message { id } }", id=id, content=content, supersede=True
        )
        return made["message"]["id"]

    old = await other(await other(await say(ada, talk, "A0"), "A1"), "A2")
    await delete(ada, "Message", old)
    deletion = await clear(ada, talk)
    await other(await say(ada, talk, "B0"), "B1")
    await ada.do("undoDeletion", UNDONE, id=deletion)
    shown = (await ada.run(TALK, id=talk))["conversation"]["messages"]["nodes"]
    versions = [sibling["content"] for sibling in shown[0]["siblings"]]
    assert (versions, shown[0]["content"]) == (["B0", "B1", "A0", "A1"], "A1")
    await undo(ada)
    shown = (await ada.run(TALK, id=talk))["conversation"]["messages"]["nodes"]
    versions = [sibling["content"] for sibling in shown[0]["siblings"]]
    assert (versions[-1], shown[0]["content"]) == ("A2", "A2")


async def test_what_a_guest_deleted_is_the_users_to_undo(quiet: Server) -> None:
    guest, ada = await guest_of(quiet), quiet.user()
    talk = await talk_of(guest)
    await say(guest, talk, "One")
    await clear(guest, talk)
    await ada.do("claimGuest", "{ user { id } }", token=guest.token)
    assert (await undo(ada))["conversation"] == {"id": talk}
    shown = (await ada.run(TALK, id=talk))["conversation"]["messages"]["nodes"]
    assert [message["content"] for message in shown] == ["One"]


async def test_a_cleared_conversation_says_again_when_its_last_message_came(
    quiet: Server, clock: FakeClock
) -> None:
    ada = quiet.user()
    talk = await talk_of(ada)
    await say(ada, talk, "One")
    before = await ada.run(TALK, id=talk)
    clock.advance(minutes=5)
    await clear(ada, talk)
    assert (await ada.run(TALK, id=talk))["conversation"]["lastMessageAt"] is None
    await undo(ada)
    assert await ada.run(TALK, id=talk) == before


async def test_a_message_is_back_with_its_files_and_links(quiet: Server) -> None:
    ada = quiet.user()
    talk, file = await talk_of(ada), await send(ada, image(), "image/png")
    first = await say(ada, talk, "One  and\nonly")
    await ada.do("addAttachment", "{ __typename }", messageId=first, fileId=file["id"])
    last = await say(ada, talk, "Two")
    token, _ = await share(ada, talk, messageId=last)
    before = await ada.run(TALK, id=talk)
    (url,) = [file["url"] for file in before["conversation"]["messages"]["nodes"][0]["attachments"]]
    await delete(ada, "Message", first)
    (deletion,) = await deletions(ada)
    assert deletion == deletion | {
        "kind": "MESSAGE", "subjectId": first, "title": "One and only", "conversation": {"id": talk}
    }  # fmt: skip
    assert await opened(quiet.nobody(), token) is None
    assert (await undo(ada))["message"] == {"id": first}
    assert await ada.run(TALK, id=talk) == before
    assert await texts(quiet.nobody(), token) == ["One  and\nonly", "Two"]
    assert (await http(ada, "GET", url)).status == 200


async def test_what_hangs_on_another_deletion_waits_for_it(quiet: Server) -> None:
    ada = quiet.user()
    into = (await ada.do("createFolder", "{ project { id } }", name="F"))["project"]["id"]
    talk = await talk_of(ada, projectId=into)
    first, second = await say(ada, talk, "One"), await say(ada, talk, "Two")
    chain = [
        await delete(ada, "Message", second),
        await delete(ada, "Message", first),
        await delete(ada, "Conversation", talk),
        await delete(ada, "Project", into),
    ]
    for number, id in enumerate(reversed(chain)):
        async with unchanged(quiet):
            for blocked in chain[: len(chain) - number - 1]:
                assert await refusal(ada, "undoDeletion", id=blocked) == ("CONFLICT", None)
        await ada.do("undoDeletion", UNDONE, id=id)
    shown = (await ada.run(TALK, id=talk))["conversation"]["messages"]["nodes"]
    assert [message["content"] for message in shown] == ["One", "Two"]


async def test_nothing_comes_back_once_the_emptying_has_begun(
    quiet: Server, clock: FakeClock
) -> None:
    ada = quiet.user()
    talk = await talk_of(ada, title="Jam")
    for content in ("One", "Two", "Three"):
        await say(ada, talk, content)
    id = await delete(ada, "Conversation", talk)
    async with ada.listen(CHANGED, id=id) as events:
        assert (await events.next())["node"] is None
        await ada.do("emptyDeletion", "{ deletion { dueAt } }", id=id)
        seen = [(await events.next())["node"]]
        while await work_off_deletion(actor_of(quiet, None), batch=2):
            seen.append((await events.next())["node"])
            assert await refusal(ada, "undoDeletion", id=id) == ("CONFLICT", None)
    told = [(node["state"], node["removedRows"], node["totalRows"]) for node in seen]
    assert told == [
        ("PENDING", 0, None), ("RUNNING", 2, 3), ("RUNNING", 3, 3), ("COMPLETE", 3, 3)
    ]  # fmt: skip
    assert [node["title"] for node in seen] == ["Jam", "Jam", "Jam", None]
    assert await deletions(ada) == []
    assert not await quiet.sql("SELECT id FROM message")


async def test_an_undone_deletion_ends_its_subscription(quiet: Server) -> None:
    ada = quiet.user()
    id = await delete(ada, "Conversation", await talk_of(ada))
    async with ada.listen(CHANGED, id=id) as events:
        await events.next()
        await undo(ada)
        with pytest.raises(Refused) as refused:
            await events.next()
        assert refused.value.code == "NOT_FOUND"


async def test_members_undo_what_their_role_lets_them_write(quiet: Server) -> None:
    ada, eve, vic = quiet.user("ada"), quiet.user("eve"), quiet.user("vic")
    org = await found(ada)
    await join(quiet, ada, org, vic, "VIEWER")
    talk = await talk_of(ada)
    await ada.do("moveConversation", "{ __typename }", id=talk, orgId=org)
    await ada.do("deleteConversation", "{ __typename }", id=talk)
    (deletion,) = await deletions(vic, org=org)
    assert (deletion["orgId"], deletion["subjectId"]) == (org, talk)
    assert await deletions(ada) == await deletions(eve, org=org) == []
    async with unchanged(quiet):
        for mutation in ("undoDeletion", "emptyDeletion"):
            assert await refusal(vic, mutation, id=deletion["id"]) == ("FORBIDDEN", "id")
            assert await refusal(eve, mutation, id=deletion["id"]) == ("NOT_FOUND", "id")
    assert (await undo(ada, org=org))["conversation"] == {"id": talk}


async def test_messages_do_not_follow_their_conversation_to_another_owner(quiet: Server) -> None:
    ada = quiet.user()
    org, talk = await found(ada), await talk_of(ada)
    id = await delete(ada, "Message", await say(ada, talk, "Private"))
    await ada.do("moveConversation", "{ __typename }", id=talk, orgId=org)
    async with unchanged(quiet):
        assert await refusal(ada, "undoDeletion", id=id) == ("CONFLICT", None)
    await ada.do("moveConversation", "{ __typename }", id=talk)
    await ada.do("undoDeletion", UNDONE, id=id)


async def test_a_conversation_does_not_come_back_to_who_took_its_folder(quiet: Server) -> None:
    ada, eve = quiet.user("ada"), quiet.user("eve")
    org = await found(ada)
    await join(quiet, ada, org, eve, "EDITOR")
    made = await ada.do("createFolder", "{ project { id } }", name="Folder", orgId=org)
    folder = made["project"]["id"]
    talk = await talk_of(ada, orgId=org, projectId=folder)
    await ada.do("deleteConversation", "{ deletedConversationId }", id=talk)
    (deletion,) = await deletions(ada, org=org)
    await ada.do("moveProject", "{ __typename }", id=folder)
    for member in (ada, eve):
        async with unchanged(quiet):
            assert await refusal(member, "undoDeletion", id=deletion["id"]) == ("CONFLICT", None)


async def test_two_who_undo_at_once_do_it_once(quiet: Server) -> None:
    ada = quiet.user()
    talk = await talk_of(ada)
    await say(ada, talk, "One")
    for _ in range(10):
        id = await clear(ada, talk)
        ask = "mutation($id: ID!) { undoDeletion(input: {id: $id}) { conversation { id } } }"
        answers = await asyncio.gather(*(ada.ask(ask, id=id) for _ in range(4)))
        codes = [one["errors"][0]["extensions"]["code"] for one in answers if "errors" in one]
        assert codes == ["NOT_FOUND"] * 3
        shown = (await ada.run(TALK, id=talk))["conversation"]["messages"]["nodes"]
        assert [message["content"] for message in shown] == ["One"]
    held = await quiet.sql("SELECT id FROM conversation WHERE deleted_at IS NOT NULL")
    assert held == [], "what held the messages is gone"


async def test_undoing_and_emptying_never_do_half(quiet: Server) -> None:
    ada, outcomes = quiet.user(), set[bool]()
    ask = "mutation($id: ID!) { undoDeletion(input: {id: $id}) { conversation { id } } }"
    for number in range(20):
        talk = await talk_of(ada)
        for content in ("One", "Two"):
            await say(ada, talk, content)
        id = await clear(ada, talk)
        await ada.do("emptyDeletion", "{ __typename }", id=id)
        first, second = LEADS[number % len(LEADS)]
        answer, _ = await asyncio.gather(
            _after(first, ada.ask(ask, id=id)),
            _after(second, work_off_deletion(actor_of(quiet, None), batch=1)),
        )
        while await work_off_deletion(actor_of(quiet, None), batch=1):
            pass
        shown = (await ada.run(TALK, id=talk))["conversation"]["messages"]["nodes"]
        undone = "errors" not in answer
        assert undone or answer["errors"][0]["extensions"]["code"] == "CONFLICT"
        assert [one["content"] for one in shown] == (["One", "Two"] if undone else [])
        outcomes.add(undone)
    assert outcomes == {True, False}, "both were seen to win"


LEADS = ((0, 0.1), (0, 0.003), (0, 0), (0.003, 0), (0.1, 0))
"""Seconds before undoing and before emptying begin."""


async def _after(seconds: float, work: Awaitable[Any]) -> Any:
    await asyncio.sleep(seconds)
    return await work


async def test_an_erased_user_brings_nothing_back(quiet: Server) -> None:
    """Not even by a request whose rights were read before."""
    ada = quiet.user()
    me = (await ada.run("{ me { id } }"))["me"]["id"]
    id, actor = await delete(ada, "Conversation", await talk_of(ada)), actor_of(quiet, me)
    await ada.do("deleteMe", "{ __typename }")
    async with unchanged(quiet):
        with pytest.raises(NotFound):
            await undo_deletion(actor, id)
        assert await refusal(ada, "undoDeletion", id=id) == ("UNAUTHENTICATED", None)


@pytest.mark.parametrize("how", ["clear", "delete"])
async def test_a_crowd_of_messages_goes_and_comes_with_one_note(quiet: Server, how: str) -> None:
    ada = quiet.user()
    talk = await talk_of(ada)
    first = await say(ada, talk, "First")
    await add_plenty(quiet, talk, first)
    token, _ = await share(ada, talk, messageId=f"msg_{PLENTY:026}")
    before = await ada.run(TALK, id=talk)
    async with ada.listen(HEARD, id=talk) as events:
        assert (await events.next())["node"] is None
        id = await (clear(ada, talk) if how == "clear" else delete(ada, "Message", first))
        assert (await ada.run(TALK, id=talk))["conversation"]["messages"]["nodes"] == []
        assert await opened(quiet.nobody(), token) is None
        await _reset(events)
        await ada.do("undoDeletion", UNDONE, id=id)
        await _reset(events)
    after = await ada.run(TALK, id=talk)
    assert after == before
    assert len((await opened(quiet.nobody(), token, first=100))["messages"]["nodes"]) == 100
    logged = await quiet.sql("SELECT jsonb_array_length(changes) AS n FROM event_log")
    assert max(row["n"] for row in logged) < 10


async def _reset(events: Any) -> None:
    """Fails unless the list is to be queried anew, whatever else is told before."""
    async with asyncio.timeout(10):
        while not (await events.next())["reset"]:
            pass
