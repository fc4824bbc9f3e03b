"""Another snapshot of the same chats brings what is new, and leaves what was changed here."""

from __future__ import annotations

from itertools import chain
from pathlib import Path
from typing import Any

import pytest

from app.convex.report import ADDED, UNCHANGED, UPDATED
from tests.convex.chats import NINA, PAUL, chats
from tests.convex.conftest import Bring
from tests.convex.reading import everything
from tests.convex.snapshots import FIRST, MINUTE, START, story
from tests.harness.api import Server
from tests.harness.orgs import found

LATER = START + 10**12
OWNERS = """SELECT count(*) AS strays FROM message m JOIN conversation c ON c.id = m.conversation_id
WHERE m.owner_id <> c.owner_id"""


def kept(folder: Path) -> dict[str, bytes]:
    """The objects in the storage."""
    files = (folder / "files").rglob("*")
    return {str(path.relative_to(folder)): path.read_bytes() for path in files if path.is_file()}


async def quince(server: Server) -> str:
    (row,) = await server.sql("SELECT id FROM conversation WHERE title = 'Quince'")
    return row["id"]


async def shown(server: Server) -> list[tuple[int, str]]:
    """The branch of Nina's talk that is shown."""
    rows = await server.sql(
        "SELECT order_id, content FROM message WHERE on_branch AND conversation_id = $1 "
        "ORDER BY order_id",
        await quince(server),
    )
    return [(row["order_id"], row["content"]) for row in rows]


async def test_a_second_run_changes_nothing(server: Server, bring: Bring, tmp_path: Path) -> None:
    made = chats()
    await bring(made)
    before, files = await everything(server), kept(tmp_path)
    assert len(files) == 3  # two files and a thumbnail
    for documents in made.tables.values():
        documents.reverse()
    report = await bring(made)
    assert await everything(server) == before
    assert kept(tmp_path) == files
    assert report.total(ADDED) == report.total(UPDATED) == 0
    assert report.total(UNCHANGED) > 10


async def test_the_same_comes_into_another_database(server: Server, bring: Bring) -> None:
    await bring(chats())
    rows = await server.sql("SELECT id FROM conversation UNION SELECT id FROM message ORDER BY id")
    assert rows[0]["id"] == "cnv_01jxt23hk0edwabf9j6zr6tf6v"
    assert rows[-1]["id"] == "msg_01jxt23hkyfheaf42ka0jcnsef"


NEWER: dict[str, tuple[dict[str, Any], str]] = {
    "users": ({"displayName": "N."}, "SELECT name FROM user_account WHERE clerk_id = 'user_nina'"),
    "userPreferences": ({"layout": "wide"}, "SELECT layout FROM user_preferences ORDER BY layout"),
    "projects": ({"name": "Jellies"}, "SELECT name FROM project"),
    "chats": (
        {"title": "Medlar", "updatedAt": LATER},
        "SELECT title FROM conversation WHERE pinned",
    ),
    "messages": ({"content": "New"}, "SELECT content FROM message WHERE order_id = 6"),
    "feedback": ({"message": "Less jam."}, "SELECT message FROM feedback"),
    "anonymousUsage": ({"dailyMessageCount": 9}, "SELECT daily_message_count FROM anonymous_usage"),
}


@pytest.mark.parametrize("table", NEWER)
async def test_what_is_newer_is_taken(server: Server, bring: Bring, table: str) -> None:
    made = chats()
    await bring(made)
    values, query = NEWER[table]
    made.tables[table][0].update(values)
    report = await bring(made)
    assert report.counts[table, UPDATED] == report.total(UPDATED) == 1
    found = [next(iter(row.values())) for row in await server.sql(query)]
    assert next(iter(values.values())) in found


async def test_a_chat_without_a_time_is_followed_after_its_messages(
    server: Server, bring: Bring
) -> None:
    made = chats()
    chat = made.find("chats", title="Quince")
    del chat["updatedAt"]
    await bring(made)
    chat["title"] = "Medlar"
    report = await bring(made)
    assert report.counts["chats", UPDATED] == 1
    assert await server.sql("SELECT title FROM conversation WHERE pinned") == [{"title": "Medlar"}]


async def test_what_was_changed_here_is_kept(server: Server, bring: Bring) -> None:
    made = chats()
    await bring(made)
    nina = server.user(NINA)
    await nina.do("updateProfile", "{ user { id } }", name="Mine")
    await nina.do("updatePreferences", "{ preferences { id } }", layout="mine")
    made.find("users", clerkId=NINA)["displayName"] = "Theirs"
    made.tables["userPreferences"][0]["layout"] = "theirs"
    report = await bring(made)
    assert report.counts["users", "edited here since: kept"] == 1
    assert report.counts["userPreferences", "edited here since: kept"] == 1
    found = await nina.run("{ me { name } preferences { layout } }")
    assert found == {"me": {"name": "Mine"}, "preferences": {"layout": "mine"}}


async def test_who_was_here_before_takes_what_they_had(server: Server, bring: Bring) -> None:
    nina, paul = server.user(NINA), server.user(PAUL)
    before = (await nina.run("{ me { id } }"))["me"]
    await paul.do("updateProfile", "{ user { id } }", name="Paul of here")
    made = chats()
    made.find("users", clerkId=PAUL)["displayName"] = "Paul of there"
    await bring(made)
    found = await nina.run("{ me { id name premium } preferences { layout } }")
    assert found["me"] == before | {"name": "Nina", "premium": True}
    assert found["preferences"] == {"layout": "sidebar"}
    assert (await paul.run("{ me { name } }"))["me"]["name"] == "Paul of here"


async def test_new_messages_follow_those_sent_here(server: Server, bring: Bring) -> None:
    made = chats()
    await bring(made)
    to = {"conversationId": await quince(server)}
    nina = server.user(NINA)
    await nina.do("createMessage", "{ message { id } }", to=to, content="Here")
    chat = made.find("chats", title="Quince")["_id"]
    made.add("messages", START + 5, chatId=chat, role="user", content="Later", orderId=7)
    await bring(made)
    assert (await shown(server))[-2:] == [(7, "Here"), (8, "Later")]


async def test_chats_that_went_to_an_organisation_stay_its(server: Server, bring: Bring) -> None:
    made = chats()
    await bring(made)
    nina, id = server.user(NINA), await quince(server)
    org = await found(nina)
    await nina.do("moveConversation", "{ conversation { id } }", id=id, orgId=org)
    chat = made.find("chats", title="Quince")
    chat.update(title="Medlar", updatedAt=LATER)
    made.add("messages", START + MINUTE, chatId=chat["_id"], role="user", content="Later")
    await bring(made)
    (row,) = await server.sql("SELECT owner_id, title FROM conversation WHERE id = $1", id)
    assert row == {"owner_id": org, "title": "Medlar"}
    assert await server.sql(OWNERS) == [{"strays": 0}]


async def test_nothing_that_was_deleted_here_comes_back(server: Server, bring: Bring) -> None:
    made = chats()
    await bring(made)
    nina, id = server.user(NINA), await quince(server)
    (link,) = await server.sql("SELECT id FROM share_link")
    await nina.do("revokeShareLink", "{ revokedLinkId }", id=link["id"])
    chat = made.find("chats", title="Quince")
    chat["updatedAt"] = LATER
    await bring(made)
    assert await server.sql("SELECT id FROM share_link") == []
    rows = await server.sql("SELECT public FROM conversation WHERE id = $1", id)
    assert rows == [{"public": False}]
    await nina.do("deleteConversation", "{ deletedConversationId }", id=id)
    made.add("messages", START, chatId=chat["_id"], role="user", content="Late")
    report = await bring(made)
    assert report.counts["messages", "deleted here: left so"] == 7
    assert report.total(ADDED) == 0


async def test_a_chat_that_is_public_no_more_is_shared_no_more(
    server: Server, bring: Bring
) -> None:
    made = chats()
    await bring(made)
    (link,) = await server.sql("SELECT id FROM share_link")
    read = "query ($token: String!) { sharedConversation(token: $token) { frozen } }"
    assert (await server.nobody().run(read, token=link["id"]))["sharedConversation"]
    made.find("chats", title="Quince").update(public=False, updatedAt=LATER)
    report = await bring(made)
    assert report.counts["shareLinks", UPDATED] == 1
    assert (await server.nobody().run(read, token=link["id"]))["sharedConversation"] is None


async def test_an_attachment_comes_to_its_message_later(server: Server, bring: Bring) -> None:
    made = chats()
    listed = made.find("messages", content="How?").pop("attachments")
    await bring(made)
    assert len(await server.sql("SELECT id FROM attachment WHERE message_id IS NULL")) == 2
    made.find("messages", content="How?")["attachments"] = listed
    await bring(made)
    rows = await server.sql(
        "SELECT a.file_name AS name FROM attachment a JOIN message m ON m.id = a.message_id "
        "WHERE m.content = 'How?' ORDER BY 1"
    )
    assert [row["name"] for row in rows] == ["recipe", "tree.png"]


async def test_users_of_both_apps_are_the_same(server: Server, bring: Bring) -> None:
    first, second = story(), chats()
    for document in chain.from_iterable(first.tables.values()):
        if document.get("userId") == FIRST:
            document["userId"] = NINA
    await bring(first)
    await bring(second)
    rows = await server.sql("SELECT name FROM user_account WHERE clerk_id = $1", NINA)
    assert rows == [{"name": "Nina"}]
    assert (await bring(first)).total(UPDATED) == 0
