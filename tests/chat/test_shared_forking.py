"""Forking what a share link shows into a conversation of one's own."""

from __future__ import annotations

import json

import pytest

from tests.harness.api import Server, StartServer
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
