"""Forking what a share link shows into a conversation of one's own."""

from __future__ import annotations

import json
from typing import Any

import pytest

from models.chat.forking import MOST, MOST_BYTES
from models.chat.messages import CONTENT_LIMIT, Message, MessageRole
from models.chat.sharing import FORKS
from models.providing import AnswerError
from tests.harness.accounts import guest_of
from tests.harness.api import Api, Server, StartServer
from tests.harness.clock import FakeClock
from tests.harness.planting import plant
from tests.harness.refusals import refusal, unchanged
from tests.harness.sharing import other_version, say, share, talk_of
from tests.harness.verbs import id_of

FORK = """\
{ conversation { id title orgId systemPrompt model lastOrderId
  messages { nodes { id content userId parentId orderId attachments { url userId importId } } }
} }"""
OWN_ROWS = """\
SELECT to_jsonb(c) AS row FROM conversation c WHERE c.id = $1 UNION ALL
SELECT to_jsonb(m) FROM message m WHERE m.conversation_id = $1 UNION ALL
SELECT to_jsonb(a) FROM attachment a WHERE a.conversation_id = $1"""
SEEN = """\
{ messages { nodes { role type content model contentParts {
  ... on TextPart { text } ... on ToolCallPart { callId name arguments }
  ... on ToolResultPart { callId name result } ... on SourcePart { url title } } } } }"""
ROWS = "SELECT * FROM message WHERE conversation_id = $1"
NEVER_SEEN: dict[str, Any] = {
    "usage": {"secret": 1}, "citations": ["secret"], "provider": "secret", "error": "secret",
    "finish_reason": "secret", "error_code": AnswerError.KEY_MISSING, "content_epoch": 7,
    "client_message_id": "secret", "message_group_id": "secret",
}  # fmt: skip
MANY = """\
INSERT INTO message (id, owner_id, conversation_id, role, type, status, content, order_id,
    parent_id, branch_index, selected, on_branch, content_epoch, created_at, updated_at)
SELECT 'msg_' || n, owner_id, id, 'USER', 'RESULT', 'COMPLETE', repeat('x', $3), n,
    CASE WHEN n > 1 THEN 'msg_' || n - 1 END, 0, true, true, 0, now(), now()
FROM conversation, generate_series(1, $2::int) n WHERE id = $1"""
PICTURE = {"url": "https://files.example/a.png", "size": 9, "sourceMetadata": {"from": "ada"}}


@pytest.fixture
async def still(start_server: StartServer) -> Server:
    return await start_server(worker=False)


@pytest.mark.parametrize("frozen", [True, False])
async def test_a_reader_goes_on_in_a_conversation_of_their_own(still: Server, frozen: bool) -> None:
    ada, eve = still.user("ada"), still.user("eve")
    talk = await talk_of(ada, title="Jam", systemPrompt="Secretly kind.")
    one = await say(ada, talk, "one")
    await ada.do("addAttachment", "{ __typename }", messageId=one, **PICTURE)
    two = await say(ada, talk, "two")
    await other_version(still, ada, talk, one, "secret version")
    token, _ = await share(ada, talk, **({"messageId": two} if frozen else {}))
    fork = (await eve.do("forkSharedConversation", FORK, token=token))["conversation"]
    first, second = fork["messages"]["nodes"]
    me = await id_of(eve)
    assert (fork["title"], fork["orgId"], fork["systemPrompt"], fork["lastOrderId"]) == (
        "Jam", None, None, 2,
    )  # fmt: skip
    assert (first["content"], first["userId"], first["parentId"]) == ("one", me, None)
    assert (second["content"], second["parentId"], second["orderId"]) == ("two", first["id"], 2)
    assert first["attachments"] == [{"url": PICTURE["url"], "userId": me, "importId": None}]
    rows = json.dumps(await still.sql(OWN_ROWS, fork["id"]), default=str)
    assert await id_of(ada) not in rows
    assert talk not in rows
    await say(eve, fork["id"], "my own words")
    assert len(await still.sql("SELECT 1 FROM message WHERE conversation_id = $1", talk)) == 3


async def test_a_fork_ends_where_it_is_told_to(still: Server) -> None:
    ada, eve = still.user("ada"), still.user("eve")
    talk = await talk_of(ada)
    one = await say(ada, talk, "one")
    two = await say(ada, talk, "two")
    secret = await other_version(still, ada, talk, two, "secret version")
    token, _ = await share(ada, talk)
    given = {"token": token, "messageId": one, "idempotencyKey": "once"}
    fork = (await eve.do("forkSharedConversation", FORK, **given))["conversation"]
    assert [m["content"] for m in fork["messages"]["nodes"]] == ["one"]
    again = (await eve.do("forkSharedConversation", FORK, **given))["conversation"]
    assert again == fork
    hidden = {"token": token, "messageId": secret}
    assert await refusal(eve, "forkSharedConversation", **hidden) == ("NOT_FOUND", "messageId")


async def test_nobody_forks_what_they_may_not_read(still: Server) -> None:
    ada, eve = still.user("ada"), still.user("eve")
    talk = await talk_of(ada)
    await say(ada, talk, "one")
    token, _ = await share(ada, talk, "NAMED", people=["bob@example.org"])
    public, link = await share(ada, talk, "PUBLIC")
    await ada.do("revokeShareLink", "{ revokedLinkId }", id=link)
    await id_of(eve)
    async with unchanged(still):
        for given in (token, public, "forged"):
            refused = await refusal(eve, "forkSharedConversation", token=given)
            assert refused == ("NOT_FOUND", "token")
        nobody = await refusal(still.nobody(), "forkSharedConversation", token=token)
        assert nobody[0] == "UNAUTHENTICATED"


def nested(levels: int) -> str:
    """An object of so many levels, as text of JSON."""
    return '{"a":' * levels + "1" + "}" * levels


async def test_a_fork_has_no_more_than_the_link_shows(still: Server) -> None:
    ada, eve = still.user("ada"), still.user("eve")
    talk = await talk_of(ada)
    call = {"id": "c1", "name": "search", "arguments": '{"q": 1}', "secret": 1}
    parts = [
        {"type": "text", "text": "Hi", "providerMetadata": "secret"},
        {"kind": "tool_call", "text": json.dumps(call)},
        {"type": "tool-result", "toolCallId": "c1", "result": [1], "secret": 1},
        {"type": "source-url", "url": "file:///secret", "title": "Jam"},
        {"type": "data-secret", "data": "secret"},
    ]
    said = {"role": MessageRole.ASSISTANT, "content": "Hi", "parts": parts}
    about = {"conversation_id": talk, "owner_id": await id_of(ada), "order_id": 1}
    id = await plant(still, Message, **about, **said, **NEVER_SEEN)
    await still.sql("UPDATE message SET model = 'mock:slow' WHERE id = $1", id)
    token, _ = await share(ada, talk, messageId=id)
    query = f"query($t: String!) {{ sharedConversation(token: $t) {SEEN} }}"
    shown = (await eve.run(query, t=token))["sharedConversation"]
    selection = f"{{ conversation {{ id }} seen: conversation {SEEN} }}"
    fork = await eve.do("forkSharedConversation", selection, token=token)
    assert fork["seen"] == shown
    assert len(shown["messages"]["nodes"][0]["contentParts"]) == 4
    (row,) = await still.sql(ROWS, fork["conversation"]["id"])
    assert "secret" not in json.dumps(row, default=str)
    empty = {"usage", "citations", "provider", "error", "finish_reason", "error_code"}
    assert {row[name] for name in empty} == {None}
    own = (await ada.do("forkConversation", selection, messageId=id))["conversation"]["id"]
    (row,) = await still.sql(ROWS, own)
    assert (row["provider"], row["parts"]) == ("secret", parts), "her own has all of it"


async def test_parts_too_deep_to_show_stay_text(still: Server) -> None:
    ada = still.user("ada")
    talk = await talk_of(ada)
    deep, fine = nested(300), {"callId": "c1", "name": None, "result": [1]}
    parts = [
        {"kind": "tool_call", "text": json.dumps({"id": "c1", "name": "x", "arguments": deep})},
        {"kind": "tool_result", "text": deep},
        {"kind": "tool_result", "text": json.dumps(fine)},
    ]
    said = {"role": MessageRole.ASSISTANT, "parts": parts, "order_id": 1}
    await plant(still, Message, conversation_id=talk, owner_id=await id_of(ada), **said)
    token, _ = await share(ada, talk)
    fork = f"{{ conversation {SEEN} }}"
    for reader in (ada, still.user("eve")):
        made = (await reader.do("forkSharedConversation", fork, token=token))["conversation"]
        (message,) = made["messages"]["nodes"]
        assert message["contentParts"] == [
            {"callId": "c1", "name": "x", "arguments": deep},
            {"callId": None, "name": None, "result": deep},
            fine,
        ]


async def test_a_fork_is_bounded(still: Server) -> None:
    ada, eve = still.user("ada"), still.user("eve")
    await id_of(eve)
    for count, length in ((MOST + 1, 1), (MOST_BYTES // CONTENT_LIMIT + 1, CONTENT_LIMIT)):
        talk = await talk_of(ada)
        await still.sql(MANY, talk, count, length)
        last = f"msg_{count}"
        token, _ = await share(ada, talk, messageId=last)
        async with unchanged(still):
            shared = await refusal(eve, "forkSharedConversation", token=token)
            own = await refusal(ada, "forkConversation", messageId=last)
        assert shared == own == ("CONFLICT", "messageId")
        up_to = {"token": token, "messageId": f"msg_{count - 1}"}
        await eve.do("forkSharedConversation", "{ __typename }", **up_to)
        await still.sql("DELETE FROM message WHERE conversation_id = $1", talk)


async def test_forks_of_what_is_shared_are_counted(start_server: StartServer) -> None:
    clock = FakeClock()
    server = await start_server(worker=False, clock=clock)
    ada, eve = server.user("ada"), server.user("eve")
    guest, other = await guest_of(server), await guest_of(server)
    talk = await talk_of(ada)
    await say(ada, talk, "one")
    token, _ = await share(ada, talk)

    async def fork(reader: Api, times: int) -> None:
        for _ in range(times):
            await reader.do("forkSharedConversation", "{ __typename }", token=token)

    async def refused(reader: Api) -> None:
        found = await refusal(reader, "forkSharedConversation", token=token)
        assert found[0] == "RATE_LIMITED"

    await fork(guest, FORKS.most - 1)
    await fork(other, 1)
    await refused(guest)
    await refused(other)
    await fork(eve, FORKS.most)
    await refused(eve)
    clock.advance(hours=1)
    await fork(eve, 1)
