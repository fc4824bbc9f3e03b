"""Conversations: started, changed, listed, searched and found again."""

from __future__ import annotations

from typing import Any

import pytest

from models.billing.usage_events import ModelCall
from models.chat.leases import Lease
from models.chat.titles import give_title
from tests.harness.api import Api, Server, StartServer
from tests.harness.eventually import eventually
from tests.harness.refusals import refusal, unchanged
from tests.harness.verbs import actor_of, id_of

pytestmark = pytest.mark.both_paths

MISSING = "cnv_01h455vb4pex5vsknk084sn02q"
LISTS = """{
  recent: conversations { nodes { title } } pinned: pinnedConversations { nodes { title } }
  archived: archivedConversations { nodes { title } } }"""
FILED = "query($id: ID!) { project(id: $id) { conversations { nodes { title } } } }"
FOUND = """query($words: String!, $first: Int, $after: String) {
  titles: searchConversations(words: $words) { edges { excerpt node { title } } }
  messages: searchMessages(words: $words, first: $first, after: $after) {
    edges { excerpt cursor node { content onBranch } } nodes { id } pageInfo { hasNextPage } } }"""


@pytest.fixture
async def quiet(start_server: StartServer) -> Server:
    """A server on which nothing happens by itself."""
    return await start_server(worker=False)


async def create(caller: Api, title: str | None = None, **given: Any) -> str:
    made = await caller.do("createConversation", "{ conversation { id } }", title=title, **given)
    return made["conversation"]["id"]


async def folder(caller: Api, **given: Any) -> str:
    made = await caller.do("createFolder", "{ project { id kind } }", name="Jam", **given)
    assert made["project"]["kind"] == "FOLDER"
    return made["project"]["id"]


async def update(caller: Api, id: str, fields: str = "id", **changed: Any) -> dict[str, Any]:
    made = await caller.do(
        "updateConversation", f"{{ it: conversation {{ {fields} }} }}", id=id, **changed
    )
    return made["it"]


async def titles(caller: Api) -> dict[str, list[str]]:
    lists = await caller.run(LISTS)
    return {name: [one["title"] for one in page["nodes"]] for name, page in lists.items()}


async def test_a_conversation_starts_with_all_it_needs(quiet: Server) -> None:
    ada = quiet.user()
    into = await folder(ada)
    made = await ada.do(
        "startConversation",
        "{ conversation { title titleSource model systemPrompt task projectId main unread "
        "  latestMessage { preview } messages { nodes { content attachments { url } } } }"
        "  message { id } reply { id status model parent { id } } replies { id } }",
        content="Which jam?",
        title="Jam",
        model="mock:slow",
        systemPrompt="Be kind.",
        task="cook",
        projectId=into,
        attachments=[{"url": "https://files.example/a.png", "size": 9}],
    )
    attached = [{"url": "https://files.example/a.png"}]
    assert made["conversation"] == {
        "title": "Jam", "titleSource": "USER", "model": "mock:slow", "systemPrompt": "Be kind.",
        "task": "cook", "projectId": into, "main": False, "unread": True,
        "latestMessage": {"preview": "Which jam?"},
        "messages": {"nodes": [{"content": "Which jam?", "attachments": attached},
                               {"content": "", "attachments": []}]},
    }  # fmt: skip
    reply = {"status": "PENDING", "model": "mock:slow", "parent": made["message"]}
    assert made["reply"] == {"id": made["replies"][0]["id"], **reply}
    assert len(await quiet.sql("SELECT id FROM generation WHERE state = 'QUEUED'")) == 1


async def test_a_start_that_is_refused_leaves_nothing(quiet: Server) -> None:
    ada = quiet.user()
    await id_of(ada)
    async with unchanged(quiet):
        for field, bad in (
            ("model", "nobody:none"), ("content", " "), ("title", " "), ("title", "x" * 201),
            ("attachments", [{"url": "ftp://x", "size": 1}]), ("models", ["mock:slow"] * 2),
            ("runSource", "WEBCONTAINER"),
        ):  # fmt: skip
            given = {"content": "x"} | {field: bad}
            code, named = await refusal(ada, "startConversation", **given)
            assert (code, (named or "").partition(".")[0]) == ("INVALID", field)


async def test_only_a_folder_of_the_same_owner_takes_a_conversation(quiet: Server) -> None:
    ada, eve = quiet.user(), quiet.user("eve")
    app = await ada.do("createProject", "{ project { id } }", name="A", framework="VUE")
    foreign, own = await folder(eve), await create(ada)
    org = (await ada.do("createOrg", "{ org { id } }", name="Orchard"))["org"]["id"]
    shared = await folder(ada, orgId=org)
    async with unchanged(quiet):
        for project, code in ((app["project"]["id"], "CONFLICT"), (foreign, "NOT_FOUND"),
                              (shared, "CONFLICT")):  # fmt: skip
            given = {"projectId": project}
            assert await refusal(ada, "createConversation", **given) == (code, "projectId")
            assert await refusal(ada, "updateConversation", id=own, **given) == (code, "projectId")
    made = await create(ada, projectId=shared, orgId=org)
    assert (await update(ada, made, "orgId projectId")) == {"orgId": org, "projectId": shared}


async def test_each_list_has_its_own(quiet: Server) -> None:
    ada = quiet.user()
    into = await folder(ada)
    ids = {title: await create(ada, title) for title in ("one", "two", "three", "four", "five")}
    await update(ada, ids["two"], pinned=True)
    await update(ada, ids["three"], status="ARCHIVED")
    await update(ada, ids["four"], projectId=into)
    lists = {"recent": ["five", "one"], "pinned": ["two"], "archived": ["three"]}
    assert await titles(ada) == lists
    filed = (await ada.run(FILED, id=into))["project"]["conversations"]["nodes"]
    assert filed == [{"title": "four"}]
    await ada.do("createMessage", "{ __typename }", to={"conversationId": ids["one"]}, content="x")
    for title in ("three", "four", "two"):
        changed = await update(
            ada, ids[title], "pinnedAt", pinned=False, status="ACTIVE", projectId=None
        )
        assert changed == {"pinnedAt": None}
    recent = ["two", "four", "three", "one", "five"]
    assert await titles(ada) == {"recent": recent, "pinned": [], "archived": []}
    assert await titles(quiet.user("eve")) == {"recent": [], "pinned": [], "archived": []}


async def test_pages_of_a_list_follow_each_other(quiet: Server) -> None:
    ada = quiet.user()
    for number in range(7):
        await create(ada, f"{number}")
    query = """query($after: String, $before: String, $first: Int, $last: Int) {
      conversations(first: $first, after: $after, last: $last, before: $before) {
        nodes { title } pageInfo { hasNextPage endCursor startCursor } } }"""
    seen, after = [], None
    while True:
        page = (await ada.run(query, first=3, after=after))["conversations"]
        seen += [one["title"] for one in page["nodes"]]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    assert seen == list("6543210")
    back = (await ada.run(query, last=2, before=page["pageInfo"]["startCursor"]))["conversations"]
    assert [one["title"] for one in back["nodes"]] == ["2", "1"]


async def test_the_conversation_of_an_app_goes_with_its_project(quiet: Server) -> None:
    ada = quiet.user()
    made = await ada.do(
        "createProject", "{ project { conversation { id } } }", name="A", framework="VUE"
    )
    main = made["project"]["conversation"]["id"]
    assert await titles(ada) == {"recent": [], "pinned": [], "archived": []}
    async with unchanged(quiet):
        for changed in (
            {"title": "B"},
            {"pinned": True},
            {"status": "ARCHIVED"},
            {"projectId": None},
        ):
            assert (await refusal(ada, "updateConversation", id=main, **changed))[0] == "CONFLICT"
        assert (await refusal(ada, "deleteConversation", id=main))[0] == "CONFLICT"
    changed = await update(ada, main, "model systemPrompt", model="mock:slow", systemPrompt="Be.")
    assert changed == {"model": "mock:slow", "systemPrompt": "Be."}


async def test_reading_goes_forward_only_and_changes_no_order(quiet: Server) -> None:
    ada = quiet.user()
    first, second = await create(ada, "first"), await create(ada, "second")
    for text in "abc":
        await ada.do("createMessage", "{ __typename }", to={"conversationId": first}, content=text)
    await update(ada, second, task="t")
    fields = "{ conversation { lastReadOrderId unread } }"
    for given, seen in ((2, 2), (1, 2), (None, 3), (99, 3), (-1, 3)):
        made = await ada.do("markConversationRead", fields, id=first, orderId=given)
        assert made["conversation"] == {"lastReadOrderId": seen, "unread": seen < 3}
    assert (await titles(ada))["recent"] == ["second", "first"], "reading is no change"


# -- searching -------------------------------------------------------------------------------------


async def test_words_are_found_in_titles_and_messages(quiet: Server) -> None:
    ada, eve = quiet.user(), quiet.user("eve")
    id = await create(ada, "Quince jam for Ö")
    for text in ("Quinces are yellow", "jam of a QUINCE, slowly cooked", "plums"):
        await ada.do("createMessage", "{ __typename }", to={"conversationId": id}, content=text)
    await create(eve, "Eve's quince")
    found = await ada.run(FOUND, words="quince jam")
    assert found["titles"]["edges"] == [
        {"excerpt": "⟦Quince⟧ ⟦jam⟧ for Ö", "node": {"title": "Quince jam for Ö"}}
    ]
    (edge,) = found["messages"]["edges"]
    assert edge["excerpt"] == "⟦jam⟧ of a ⟦QUINCE⟧, slowly cooked"
    for words, count in (
        ('"a quince"', 1), ("quince or plums", 2), ("quince -slowly", 0), ("-slowly", 2), ("ö", 0),
        ("", 0), ("   ", 0), ("!?", 0), ("'", 0), ("\\ ' \" & | !:*", 0), ("nothing", 0),
    ):  # fmt: skip
        found = await ada.run(FOUND, words=words)
        assert len(found["messages"]["nodes"]) == count, words
    assert await ada.code(FOUND, words="x" * 201) == "INVALID"
    assert (await quiet.nobody().run(FOUND, words="quince"))["messages"]["edges"] == []


async def test_found_messages_come_in_pages(quiet: Server) -> None:
    ada = quiet.user()
    id = await create(ada)
    for number in range(5):
        to = {"conversationId": id}
        await ada.do("createMessage", "{ __typename }", to=to, content=f"apple {number}")
    seen, after, more = [], None, True
    while more:
        page = (await ada.run(FOUND, words="apple", first=2, after=after))["messages"]
        seen += [edge["node"]["content"] for edge in page["edges"]]
        after, more = page["edges"][-1]["cursor"], page["pageInfo"]["hasNextPage"]
    assert seen == [f"apple {number}" for number in (4, 3, 2, 1, 0)]
    assert await ada.code(FOUND, words="pear", after=after) == "INVALID", "of another search"


async def test_nobody_finds_what_others_wrote(quiet: Server) -> None:
    ada, eve = quiet.user(), quiet.user("eve")
    user = await id_of(ada)
    id = await create(ada, "Secret plum")
    await ada.do("createMessage", "{ __typename }", to={"conversationId": id}, content="plum")
    query = """query($o: ID!, $w: String!) { searchMessages(words: $w, org: $o) { nodes { id } }
      searchConversations(words: $w, org: $o) { nodes { id } } }"""
    for owner in (user, f"{user} plum", "' | plum", "x"):
        found = await eve.run(query, o=owner, w="plum")
        assert found == {"searchMessages": {"nodes": []}, "searchConversations": {"nodes": []}}
    own = await create(eve)
    # An id among the words is a word like others.
    for text in (user, f"plum {user}"):
        await eve.do("createMessage", "{ __typename }", to={"conversationId": own}, content=text)
    assert len((await ada.run(query, o=user, w="plum"))["searchMessages"]["nodes"]) == 1


async def test_all_branches_are_searched_and_what_is_gone_is_not(quiet: Server) -> None:
    ada = quiet.user()
    sent = await ada.do(
        "startConversation", "{ conversation { id } message { id } }", content="old cherry"
    )
    await ada.do("editMessage", "{ __typename }", id=sent["message"]["id"], content="new cherry",
                 supersede=True)  # fmt: skip
    found = (await ada.run(FOUND, words="cherry"))["messages"]["edges"]
    assert [edge["node"] for edge in found] == [
        {"content": "new cherry", "onBranch": True}, {"content": "old cherry", "onBranch": False},
    ]  # fmt: skip
    await ada.do("deleteMessage", "{ __typename }", id=sent["message"]["id"])
    assert len((await ada.run(FOUND, words="cherry"))["messages"]["edges"]) == 1
    await ada.do("deleteConversation", "{ __typename }", id=sent["conversation"]["id"])
    assert (await ada.run(FOUND, words="cherry"))["messages"]["edges"] == []


# -- titles ----------------------------------------------------------------------------------------


async def test_a_model_finds_a_title_until_a_user_does(server: Server) -> None:
    ada = server.user()
    start = "{ conversation { id title titleSource } reply { id } }"
    made = await ada.do("startConversation", start, content="How do I cook quince jam, slowly?")
    id = made["conversation"].pop("id")
    assert made["conversation"] == {"title": "New chat", "titleSource": None}
    given = "SELECT 1 FROM conversation WHERE title_source = 'model' AND id = $1"
    await eventually(lambda: server.sql(given, id))
    assert await update(ada, id, "title titleSource", task="t") == {
        "title": "How do I cook quince", "titleSource": "MODEL",
    }  # fmt: skip
    named = await update(ada, id, "title titleSource", title="Jam")
    assert named == {"title": "Jam", "titleSource": "USER"}
    (made_by,) = await server.sql("SELECT * FROM generation WHERE model = 'mock:raypx-1'")
    lease = Lease(made_by["id"], made_by["message_id"], made_by["user_id"], made_by["model"], 2, 2)
    title, call = "From a model that took its time", ModelCall(lease.model, "title")
    assert not await give_title(actor_of(server, None), lease, id, title, call)
    sent = await ada.do(
        "sendMessage", "{ reply { id } }", to={"conversationId": id}, content="And?"
    )
    done = "SELECT 1 FROM message WHERE id = $1 AND status = 'COMPLETE'"
    await eventually(lambda: server.sql(done, sent["reply"]["id"]))
    assert (await update(ada, id, "title", task="u")) == {"title": "Jam"}
    again = await update(ada, id, "title titleSource", title=None)
    assert again == {"title": "New chat", "titleSource": None}
