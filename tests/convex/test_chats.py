"""A snapshot of the chat app is taken over field by field, and read back through the API."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.convex.chats import CSV, GUEST, NINA, PAUL, SITE, chats
from tests.convex.expected import shown
from tests.convex.snapshots import MINUTE, START
from tests.harness.api import Server, StartServer
from tests.harness.commands import Ended, punnet
from tests.harness.planting import make_operator
from tests.harness.uploading import http, image

ME = """{ me { clerkId email emailVerified name avatarUrl anonymous premium messageCount
  dailyMessageCount dailyReset dailyProMessageCount dailyProReset favoriteModels systemPrompt
  createdAt } }"""
PREFERENCES = """{ preferences { layout promptSuggestions showToolInvocations
  showConversationPreviews multiModelEnabled hiddenModels } }"""
PINNED = """{ pinnedConversations { nodes { title titleSource model systemPrompt public pinned
  pinnedAt status unread createdAt updatedAt userId project { name kind userId framework }
  shareLinks { id mode expiresAt messageId }
  messages { nodes { orderId role content parts messageGroupId model userId outcome branchIndex
    siblings { content selected }
    attachments { type fileName fileType size width height url storedFileId userId } } } } } }"""
LISTED = "{ conversations { nodes { title titleSource pinned public shareLinks { id } } } }"
SHARED = """query ($token: String!) { sharedConversation(token: $token) {
  heading { title } messages { nodes { role contentParts { __typename } } } } }"""


@pytest.fixture
async def server(start_server: StartServer, tmp_path: Path) -> Server:
    """A server that works on nothing, and keeps files where the import does."""
    return await start_server(worker=False, max_cost=10**6, max_depth=20, data_dir=tmp_path)


@pytest.fixture
async def ended(server: Server, database: str, tmp_path: Path) -> Ended:
    """How the import of the story ended."""
    path = chats().write(tmp_path / "chats.zip")
    done = await punnet("import", "convex", path, url=database, data_dir=tmp_path, columns=200)
    assert done.code == 0, done.err
    return done


async def told(server: Server, who: str) -> dict[str, Any]:
    """The one pinned conversation of a user."""
    (node,) = (await server.user(who).run(PINNED))["pinnedConversations"]["nodes"]
    return node


async def test_users(server: Server, ended: Ended) -> None:
    (row,) = await server.sql("SELECT last_active_at FROM user_account WHERE clerk_id = $1", NINA)
    assert row["last_active_at"].timestamp() * 1000 == START + 3  # until the first request here
    assert (await server.user(NINA).run(ME))["me"] == {
        "clerkId": NINA, "email": "nina@example.com", "emailVerified": False, "name": "Nina",
        "avatarUrl": "https://img.example.com/nina.png", "anonymous": False, "premium": True,
        "messageCount": 41, "dailyMessageCount": 7, "dailyReset": shown(START + 1),
        "dailyProMessageCount": 3, "dailyProReset": shown(START + 2),
        "favoriteModels": ["claude-4-opus", "gpt-5-mini"],
        "systemPrompt": "I grow quinces.", "createdAt": shown(START),
    }  # fmt: skip
    guest = (await server.user(GUEST).run(ME))["me"]
    assert (guest["anonymous"], guest["name"], guest["premium"]) == (True, GUEST, False)


async def test_preferences(server: Server, ended: Ended) -> None:
    nina = (await server.user(NINA).run(PREFERENCES))["preferences"]
    assert nina == {
        "layout": "sidebar", "promptSuggestions": False, "showToolInvocations": False,
        "showConversationPreviews": False, "multiModelEnabled": True, "hiddenModels": ["grok-4"],
    }  # fmt: skip
    paul = (await server.user(PAUL).run(PREFERENCES))["preferences"]
    assert (paul["layout"], paul["promptSuggestions"], paul["hiddenModels"]) == (
        "fullscreen", True, [],
    )  # fmt: skip


async def test_a_chat(server: Server, ended: Ended) -> None:
    me = (await server.user(NINA).run("{ me { id } }"))["me"]["id"]
    node = await told(server, NINA)
    del node["messages"]
    (link,) = node.pop("shareLinks")
    assert node == {
        "title": "Quince", "titleSource": "USER", "model": "claude-4-opus",
        "systemPrompt": "Be brief.", "public": True, "pinned": True, "status": "ACTIVE",
        "pinnedAt": shown(START + 2 * MINUTE), "unread": False, "userId": me,
        "createdAt": shown(START + MINUTE), "updatedAt": shown(START + 9 * MINUTE),
        "project": {"name": "Jams", "kind": "FOLDER", "userId": me, "framework": None},
    }  # fmt: skip
    assert (link["mode"], link["expiresAt"], link["messageId"]) == ("PUBLIC", None, None)
    (bare,) = (await server.user(PAUL).run(LISTED))["conversations"]["nodes"]
    assert bare == {
        "title": "New chat", "titleSource": None, "pinned": False, "public": False, "shareLinks": []
    }  # fmt: skip


async def test_messages_are_a_tree(server: Server, ended: Ended) -> None:
    me = (await server.user(NINA).run("{ me { id } }"))["me"]["id"]
    nodes = (await told(server, NINA))["messages"]["nodes"]
    assert [(one["orderId"], one["role"], one["content"], one["userId"]) for one in nodes] == [
        (1, "SYSTEM", "Answer in English.", None),
        (2, "USER", "How?", me),
        (3, "ASSISTANT", "Simmer it.", None),
        (5, "USER", "For how long?", me),
        (6, "DATA", '{"minutes": 40}', None),
    ]
    answer = nodes[2]
    assert answer["parts"] == [
        {"type": "reasoning", "text": "Hard fruit."}, {"type": "text", "text": "Simmer it."}
    ]  # fmt: skip
    assert (answer["messageGroupId"], answer["model"]) == ("g1", "claude-4-opus")
    assert answer["outcome"] == "SUCCEEDED"
    assert answer["siblings"] == [
        {"content": "Simmer it.", "selected": True},
        {"content": "Boil.", "selected": False},
    ]


async def test_attachments_and_their_files(server: Server, ended: Ended) -> None:
    nina = server.user(NINA)
    me = (await nina.run("{ me { id } }"))["me"]["id"]
    asked = (await told(server, NINA))["messages"]["nodes"][1]
    tree, recipe = sorted(asked["attachments"], key=lambda one: one["type"], reverse=True)
    assert recipe | {"size": 0} == recipe
    assert (recipe["fileName"], recipe["url"]) == ("recipe", "https://jam.example.com/quince")
    answer = await http(nina, "GET", tree.pop("url"))
    assert (answer.status, answer.body) == (200, image())
    assert tree.pop("storedFileId").startswith("fil_")
    assert tree == {
        "type": "IMAGE", "fileName": "tree.png", "fileType": "image/png", "size": len(image()),
        "width": 8, "height": 6, "userId": me,
    }  # fmt: skip
    (row,) = await server.sql("SELECT * FROM attachment WHERE message_id IS NULL")
    assert (row["file_name"], row["file_type"], row["size"]) == ("yield.csv", "text/csv", len(CSV))
    assert SITE not in str(await server.sql("SELECT url FROM attachment"))


async def test_a_public_chat_is_read_by_its_link(server: Server, ended: Ended) -> None:
    (link,) = (await told(server, NINA))["shareLinks"]
    found = await server.nobody().run(SHARED, token=link["id"])
    assert found["sharedConversation"]["heading"] == {"title": "Quince"}
    nodes = found["sharedConversation"]["messages"]["nodes"]
    assert [one["role"] for one in nodes if one["role"] != "DATA"] == ["USER", "ASSISTANT", "USER"]


async def test_what_operators_read(server: Server, ended: Ended) -> None:
    olga = server.user("olga")
    await olga.run("{ me { id } }")
    await make_operator(server, olga)
    found = await olga.run("""{ feedback { nodes { userId message createdAt } }
      anonymousUsages { nodes { anonymousId dailyMessageCount dailyReset } } }""")
    me = (await server.user(NINA).run("{ me { id } }"))["me"]["id"]
    said = {"userId": me, "message": "More jam, please.", "createdAt": shown(START + 6)}
    assert found["feedback"]["nodes"] == [said]
    assert found["anonymousUsages"]["nodes"] == [
        {"anonymousId": "visitor-9", "dailyMessageCount": 4, "dailyReset": shown(START + 8)}
    ]


async def test_what_is_left_out_is_named(server: Server, ended: Ended) -> None:
    told = " ".join(ended.out.split())
    for finding in (
        "userKeys │ left out: only the old deployment can decrypt them │ 1",
        "embeddings │ left out: they are made from texts │ 1",
        "attachments │ in no message │ 1",
        "documents of the chat app read",
    ):
        assert finding in told, told
    assert "field left out" not in told
    assert await server.sql("SELECT id FROM user_key") == []
    assert "c2VjcmV0" not in str(await server.sql("SELECT * FROM import_mark")) + told
