"""Share links: whom they let in, what they show, and what becomes of guesses."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from models.chat.messages import Message, MessageRole
from tests.harness.accounts import guest_of
from tests.harness.api import Api, Server, StartServer
from tests.harness.clock import FakeClock
from tests.harness.documents import object_type
from tests.harness.orgs import found, join
from tests.harness.planting import plant
from tests.harness.refusals import refusal, unchanged
from tests.harness.sharing import LINK, opened, other_version, say, share, talk_of, texts
from tests.harness.verbs import id_of

OWNERS = {"ownerId", "userId", "orgId", "org", "project", "projectId", "conversation", "user"}
SHARED_TYPES = ("SharedConversation", "SharedHeading", "SharedMessage", "SharedAttachment")


@pytest.fixture
async def still(start_server: StartServer) -> Server:
    return await start_server(worker=False)


def reader(server: Server, name: str, email: str) -> Api:
    """A user with a proven address."""
    local = server.services.authenticator.local
    return Api(server.session, server.url, local.issue_dev_token(name, email=email))


@pytest.mark.both_paths
@pytest.mark.parametrize(
    ("mode", "let_in"),
    [
        ("PUBLIC", {"nobody", "guest", "script", "eve", "bob", "ada"}),
        ("TOKEN", {"nobody", "guest", "script", "eve", "bob", "ada"}),
        ("SIGNED_IN", {"eve", "bob", "ada"}),
        ("NAMED", {"bob"}),
    ],
)
async def test_a_link_lets_in_whom_it_says(still: Server, mode: str, let_in: set[str]) -> None:
    ada, eve = still.user("ada"), reader(still, "eve", "eve@example.org")
    bob = reader(still, "bob", "bob@example.org")
    billing = await eve.do("createApiToken", "{ token }", name="x", scopes=["BILLING"])
    readers = {
        "ada": ada, "eve": eve, "bob": bob, "nobody": still.nobody(),
        "guest": await guest_of(still), "script": Api(still.session, still.url, billing["token"]),
    }  # fmt: skip
    talk = await talk_of(ada)
    await say(ada, talk, "Cook it slowly.")
    people = ["Bob@example.org"] if mode == "NAMED" else []
    token, id = await share(ada, talk, mode, people=people)
    assert (token == id) == (mode == "PUBLIC")
    shown = {name: await texts(api, token) for name, api in readers.items()}
    assert {name for name, said in shown.items() if said == ["Cook it slowly."]} == let_in
    assert all(said is None for name, said in shown.items() if name not in let_in)


async def test_an_address_that_is_not_proven_lets_nobody_in(still: Server) -> None:
    ada, bob = still.user("ada"), reader(still, "bob", "bob@example.org")
    token, _ = await share(ada, await talk_of(ada), "NAMED", people=["bob@example.org"])
    assert await texts(bob, token) == []
    await still.sql(
        "UPDATE user_account SET email_verified = false WHERE id = $1", await id_of(bob)
    )
    assert await texts(bob, token) is None


async def test_guesses_learn_nothing_from_answer_or_statements(
    start_server: StartServer,
) -> None:
    clock = FakeClock()
    server = await start_server(worker=False, clock=clock)
    ada, eve = server.user("ada"), server.user("eve")
    talk = await talk_of(ada)
    ends = (clock.now() + timedelta(hours=1)).isoformat()
    tokens = {
        "right": (await share(ada, talk, "NAMED", people=["ada@example.org"]))[0],
        "over": (await share(ada, talk, expiresAt=ends))[0],
    }
    revoked, link = await share(ada, talk)
    await ada.do("revokeShareLink", "{ revokedLinkId }", id=link)
    hidden = (await share(ada, talk, "PUBLIC"))[1]
    gone = await talk_of(ada)
    deleted = (await share(ada, gone))[0]
    await ada.do("deleteConversation", "{ __typename }", id=gone)
    clock.advance(hours=1)
    altered = tokens["right"][:-1] + ("A" if tokens["right"][-1] != "A" else "B")
    others = [revoked, deleted, altered, link, "", "é", "x" * 5_000, f"{hidden} "]
    sent: list[list[str]] = []
    for token in [*tokens.values(), *others]:
        server.statements.clear()
        assert await opened(eve, token) is None, token
        sent.append([sql for sql, _ in server.statements if "share_link" in sql])
    assert all(one == sent[0] for one in sent), "one statement, whatever is wrong"
    assert len(sent[0]) == 1
    rows = [dict(row) for row in await server.sql("SELECT * FROM share_link")]
    kept = json.dumps(rows, default=str) + json.dumps(
        await server.sql("SELECT changes FROM event_log"), default=str
    )
    assert not any(token in kept for token in (*tokens.values(), revoked, deleted))
    assert "token_hash" not in json.dumps(object_type("ShareLink").fields, default=str)


async def test_readers_see_no_word_of_the_owner(still: Server) -> None:
    ada, eve = still.user("ada"), still.user("eve")
    talk = await talk_of(ada, systemPrompt="Secretly kind.")
    first = await say(ada, talk, "What is pectin?")
    image = {"url": "https://files.example/a.png", "size": 9}
    await ada.do("addAttachment", "{ __typename }", messageId=first, **image)
    hidden = {"conversation_id": talk, "user_id": await id_of(ada), "order_id": 7}
    system = {"role": MessageRole.SYSTEM, "content": "Told to the model.", "parent_id": first}
    await plant(still, Message, **hidden, **system)
    await other_version(still, ada, talk, first, "Never mind.")
    token, _ = await share(ada, talk)
    shown = await opened(eve, token)
    assert shown["heading"]["title"] == "Jam"
    (only,) = shown["messages"]["nodes"]
    assert only == {
        "id": first, "role": "USER", "content": "What is pectin?",
        "attachments": [{"url": image["url"]}],
    }  # fmt: skip
    assert not {await id_of(ada), talk} & set(json.dumps(shown).split('"'))
    for name in SHARED_TYPES:
        assert not OWNERS & set(object_type(name).fields), name
    node = "query($id: ID!) { node(id: $id) { id } }"
    assert [await eve.run(node, id=id) for id in (first, talk)] == [{"node": None}] * 2


async def test_a_frozen_link_stays_and_a_live_one_goes_on(still: Server) -> None:
    ada, nobody = still.user("ada"), still.nobody()
    talk = await talk_of(ada)
    await say(ada, talk, "one")
    two = await say(ada, talk, "two")
    frozen = (await share(ada, talk, messageId=two))[0]
    live = (await share(ada, talk))[0]
    await say(ada, talk, "three")
    assert await texts(nobody, frozen) == ["one", "two"]
    assert await texts(nobody, live) == ["one", "two", "three"]
    other = await other_version(still, ada, talk, two, "two again")
    await ada.do("selectBranch", "{ __typename }", id=other)
    assert await texts(nobody, frozen) == ["one", "two"]
    assert await texts(nobody, live) == ["one", "two again"]
    assert (await opened(nobody, frozen))["frozen"]
    await ada.do("deleteMessage", "{ __typename }", id=two)
    assert await texts(nobody, frozen) is None, "it ends with its last message"
    again = {"conversationId": talk, "mode": "TOKEN", "messageId": two}
    assert await refusal(ada, "createShareLink", **again) == ("NOT_FOUND", "messageId")


@pytest.mark.parametrize("at", [None, 44])
async def test_pages_follow_each_other_in_few_statements(still: Server, at: int | None) -> None:
    ada, nobody = still.user("ada"), still.nobody()
    talk = await talk_of(ada)
    said = [await say(ada, talk, f"{number}") for number in range(45)]
    more = {} if at is None else {"messageId": said[at]}
    token, _ = await share(ada, talk, **more)
    read: list[str] = []
    after = None
    while True:
        still.statements.clear()
        page = (await opened(nobody, token, first=20, after=after))["messages"]
        sent = [sql for sql, _ in still.statements if "share_link" in sql or "message" in sql]
        assert len(sent) == 3, "the link, a page of messages, their attachments"
        read += [one["id"] for one in page["nodes"]]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    assert read == said
    other, _ = await share(ada, talk)
    query = "query($t: String!, $c: String) { sharedConversation(token: $t) { messages(after: $c) "
    assert await nobody.code(query + "{ nodes { id } } } }", t=other, c=after) == "INVALID"


@pytest.mark.parametrize("what", ["conversation", "folder"])
async def test_what_is_deleted_is_shared_no_more(still: Server, what: str) -> None:
    ada, nobody = still.user("ada"), still.nobody()
    folder = await ada.do("createFolder", "{ project { id } }", name="Jams")
    talk = await talk_of(ada, projectId=folder["project"]["id"])
    token, _ = await share(ada, talk, "PUBLIC")
    assert await texts(nobody, token) == []
    if what == "folder":
        await ada.do("deleteProject", "{ __typename }", id=folder["project"]["id"])
    else:
        await ada.do("deleteConversation", "{ __typename }", id=talk)
    assert await texts(nobody, token) is None


async def test_only_who_may_write_shares_and_revokes(still: Server) -> None:
    ada, eve, vic = still.user("ada"), still.user("eve"), still.user("vic")
    org = await found(ada)
    await join(still, ada, org, vic, "VIEWER")
    talk = await talk_of(ada, orgId=org)
    token, link = await share(ada, talk)
    given = {"conversationId": talk, "mode": "PUBLIC"}
    await id_of(eve)
    async with unchanged(still):
        assert await refusal(eve, "createShareLink", **given) == ("NOT_FOUND", "conversationId")
        assert await refusal(eve, "revokeShareLink", id=link) == ("NOT_FOUND", "id")
        assert await refusal(vic, "createShareLink", **given) == ("FORBIDDEN", "conversationId")
        assert await refusal(vic, "revokeShareLink", id=link) == ("FORBIDDEN", "id")
        assert (await refusal(ada, "createShareLink", **given, people=["a@b.org"]))[1] == "people"
        nobody = {"conversationId": talk, "mode": "NAMED"}
        assert (await refusal(ada, "createShareLink", **nobody))[1] == "people"
        past = {"expiresAt": "2001-01-01T00:00:00Z"}
        assert (await refusal(ada, "createShareLink", **given, **past))[1] == "expiresAt"
    links = "query($id: ID!) { conversation(id: $id) { shareLinks { id mode } } }"
    shown = (await vic.run(links, id=talk))["conversation"]["shareLinks"]
    assert shown == [{"id": link, "mode": "TOKEN"}]
    await ada.do("revokeShareLink", "{ revokedLinkId }", id=link)
    assert await texts(eve, token) is None


async def test_a_repeated_call_gives_the_same_link(still: Server) -> None:
    ada = still.user("ada")
    given = {"conversationId": await talk_of(ada), "mode": "TOKEN", "idempotencyKey": "once"}
    first = await ada.do("createShareLink", LINK, **given)
    assert await ada.do("createShareLink", LINK, **given) == first
    assert await texts(still.nobody(), first["token"]) == []


@pytest.mark.parametrize("act", ["remove", "leave", "demote", "erase"])
async def test_links_end_with_the_right_to_share(still: Server, act: str) -> None:
    ada, eve, nobody = still.user("ada"), still.user("eve"), still.nobody()
    org = await found(ada)
    member = await join(still, ada, org, eve, "EDITOR")
    talk, own = await talk_of(ada, orgId=org), await talk_of(eve)
    token, public = await share(eve, talk, "PUBLIC")
    _, other = await share(eve, talk, "NAMED", people=["bob@example.org"])
    kept, _ = await share(ada, talk)
    elsewhere, _ = await share(eve, own)
    if act == "remove":
        await ada.do("removeOrgMember", "{ __typename }", id=member)
    elif act == "leave":
        await eve.do("leaveOrg", "{ __typename }", orgId=org)
    elif act == "demote":
        await ada.do("updateOrgMember", "{ __typename }", id=member, role="VIEWER")
    else:
        await eve.do("deleteMe", "{ __typename }")
    assert [await texts(nobody, one) for one in (token, kept)] == [None, []]
    if act != "erase":
        assert await texts(nobody, elsewhere) == []
    shown = "query($id: ID!) { conversation(id: $id) { public shareLinks { userId } } }"
    left = (await ada.run(shown, id=talk))["conversation"]
    assert left == {"public": False, "shareLinks": [{"userId": await id_of(ada)}]}
    query = "query($o: ID) { auditLogs(org: $o) { nodes { action resource } } }"
    logs = (await ada.run(query, o=org))["auditLogs"]["nodes"]
    revoked = [log["resource"] for log in logs if log["action"] == "LINK_REVOKED"]
    assert sorted(revoked) == sorted([public, other])


async def test_another_role_that_writes_ends_no_link(still: Server) -> None:
    ada, eve = still.user("ada"), still.user("eve")
    org = await found(ada)
    member = await join(still, ada, org, eve, "ADMIN")
    token, _ = await share(eve, await talk_of(ada, orgId=org))
    await ada.do("updateOrgMember", "{ __typename }", id=member, role="EDITOR")
    assert await texts(still.nobody(), token) == []


@pytest.mark.parametrize("what", ["conversation", "project"])
async def test_links_end_when_what_they_show_moves(still: Server, what: str) -> None:
    ada, nobody = still.user("ada"), still.nobody()
    org = await found(ada)
    folder = (await ada.do("createFolder", "{ project { id } }", name="Jams"))["project"]["id"]
    talk = await talk_of(ada, projectId=folder)
    token, link = await share(ada, talk, "PUBLIC")
    other, _ = await share(ada, await talk_of(ada))
    id = {"conversation": talk, "project": folder}[what]
    await ada.do(f"move{what.capitalize()}", "{ __typename }", id=id, orgId=org)
    assert [await texts(nobody, one) for one in (token, other)] == [None, []]
    shown = "query($id: ID!) { conversation(id: $id) { public orgId shareLinks { id } } }"
    moved = (await ada.run(shown, id=talk))["conversation"]
    assert moved == {"public": False, "orgId": org, "shareLinks": []}
    logs = (await ada.run("{ auditLogs { nodes { action resource } } }"))["auditLogs"]["nodes"]
    assert {"action": "LINK_REVOKED", "resource": link} in logs, "told to who shared it"
