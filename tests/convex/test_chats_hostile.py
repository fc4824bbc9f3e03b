"""What is broken or hostile in a snapshot of the chat app is refused or left out, and said."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from app.convex import AppName
from app.convex.importing import Refused
from app.convex.report import ADDED
from models.errors import DomainError
from tests.convex.chats import NINA, PAUL, chats
from tests.convex.conftest import Bring
from tests.convex.reading import everything
from tests.convex.snapshots import START, special, story
from tests.convex.test_chats_again import kept
from tests.harness.api import Server

WRONG: dict[str, tuple[str, dict[str, Any]]] = {
    "users, line 1: clerkId is missing": ("users", {"clerkId": None}),
    "users, line 1: clerkId: an object where text": ("users", {"clerkId": {}}),
    "users, line 1: messageCount: Must be from 0": ("users", {"messageCount": -1}),
    "users, line 1: premium: text where true or false": ("users", {"premium": "yes"}),
    "users, line 1: favoriteModels: no list": ("users", {"favoriteModels": "gpt"}),
    "users, line 1: favoriteModels: a number where text": ("users", {"favoriteModels": [1]}),
    "userPreferences, line 1: userId is missing": ("userPreferences", {"userId": None}),
    "chats, line 1: pinned is missing": ("chats", {"pinned": None}),
    "chats, line 1: pinnedAt: a time outside": ("chats", {"pinnedAt": 1e300}),
    "chats, line 1: userId: too long for an id": ("chats", {"userId": "u" * 256}),
    'messages, line 1: role: "root" where one of': ("messages", {"role": "root"}),
    "messages, line 1: content: a list where text": ("messages", {"content": ["x"]}),
    "messages, line 1: orderId: no number": ("messages", {"orderId": special(1e999)}),
    "messages, line 1: attachments: no list": ("messages", {"attachments": {"url": "x"}}),
    "messages, line 1: selected: neither": ("messages", {"selected": 1}),
    "chatAttachments, line 1: fileSize: Must be from 0": ("chatAttachments", {"fileSize": 2**31}),
    "chatAttachments, line 1: storageId: a number": ("chatAttachments", {"storageId": 7}),
    "_storage, line 1: contentType: a number where text": ("_storage", {"contentType": 7}),
    "feedback, line 1: message: Must not be empty": ("feedback", {"message": " "}),
    "anonymousUsage, line 1: dailyReset is missing": ("anonymousUsage", {"dailyReset": None}),
}


@pytest.mark.parametrize("told", WRONG)
async def test_a_wrong_value(server: Server, bring: Bring, tmp_path: Path, told: str) -> None:
    table, values = WRONG[told]
    made = chats()
    made.tables[table][0].update(values)
    before = await everything(server)
    with pytest.raises(DomainError, match=re.escape(told)):
        await bring(made)
    assert await everything(server) == before
    assert kept(tmp_path) == {}


FLAWS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "orphan: skipped, no such userId": ("chats", "chats", {"userId": "nobody"}),
    "orphan: skipped, no such chatId": ("messages", "messages", {"chatId": "nowhere"}),
    "link left out: no such projectId": ("chats", "chats", {"projectId": "nowhere"}),
    "link left out: no such userId": ("messages", "messages", {"userId": "nobody"}),
    "parent left out: no earlier one": ("messages", "messages", {"parentMessageId": "x"}),
    "shortened: title": ("chats", "chats", {"title": "t" * 201}),
    "shortened: content": ("messages", "messages", {"content": "c" * 1_000_001}),
    "left out: no e-mail address": ("users", "users", {"email": "nina at home"}),
    "left out: unsafe URL of a picture": ("users", "users", {"profileImage": "data:,x"}),
    "left out: name of a model, too long or too many": (
        "users", "users", {"favoriteModels": [f"model-{number}" for number in range(101)]},
    ),
    "e-mail left out: another user has it": ("users", "users", {"email": "PAUL@example.com"}),
    "skipped: unsafe URL": (
        "chatAttachments", "chatAttachments", {"fileUrl": "javascript:alert(1)"},
    ),
    "attachment left out: no safe URL": (
        "messages", "messages", {"attachments": [{"url": "data:text/html,x"}]},
    ),
    "skipped: named as a counter of this server": (
        "anonymousUsage", "anonymousUsage", {"anonymousId": "ip_203.0.113.9"},
    ),
    "file left out: of a type that is not taken": (
        "_storage", "_storage", {"contentType": "text/html"},
    ),
    "file left out: not what it is said to be": (
        "_storage", "_storage", {"contentType": "application/pdf"},
    ),
    "link left out: no such storageId": (
        "attachments", "chatAttachments", {"storageId": "nowhere"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("rule", FLAWS)
async def test_each_flaw_is_counted_and_refused_when_strict(
    server: Server, bring: Bring, tmp_path: Path, rule: str
) -> None:
    table, changed, values = FLAWS[rule]
    made = chats()
    made.tables[changed][0].update(values)
    before = await everything(server)
    report = await bring(made, dry_run=True)
    assert report.counts[table, rule] == 1
    assert kept(tmp_path) == {}
    with pytest.raises(Refused):
        await bring(made, strict=True)
    assert await everything(server) == before
    assert kept(tmp_path) == {}


async def test_nobody_gets_what_is_anothers(server: Server, bring: Bring) -> None:
    made = chats()
    paul = made.find("users", clerkId=PAUL)["_id"]
    his = made.find("chats", userId=paul)
    made.find("chats", title="Quince")["userId"] = paul
    stolen = made.tables["chatAttachments"][0] | {"_id": "stolen", "chatId": his["_id"]}
    made.tables["chatAttachments"].append(stolen)
    his["userId"] = made.find("users", clerkId=NINA)["_id"]
    made.add(
        "messages", START, chatId=his["_id"], role="user", content="x",
        parentMessageId=made.find("messages", content="How?")["_id"],
    )  # fmt: skip
    await bring(made)
    for table, parent in (
        ("attachment a", "stored_file p ON p.id = a.stored_file_id"),
        ("conversation a", "project p ON p.id = a.project_id"),
        ("message a", "message p ON p.id = a.parent_id"),
        ("message a", "conversation p ON p.id = a.conversation_id"),
    ):
        rows = await server.sql(
            f"SELECT a.id FROM {table} JOIN {parent} AND p.owner_id <> a.owner_id"
        )
        assert rows == []


async def test_two_documents_of_one_user_are_one(server: Server, bring: Bring) -> None:
    made = chats()
    again = made.add("users", START + 10, clerkId=NINA, email="nina@new.example", displayName="N.")
    made.add("chats", START, userId=again, title="Hers too", public=False, pinned=False)
    report = await bring(made)
    assert report.counts["users", "duplicate: the newest counts"] == 1
    rows = await server.sql(
        "SELECT u.name, u.email, count(*) AS chats FROM user_account u "
        "JOIN conversation c ON c.owner_id = u.id WHERE clerk_id = $1 GROUP BY 1, 2",
        NINA,
    )
    assert rows == [{"name": "N.", "email": "nina@new.example", "chats": 2}]


async def test_an_address_that_is_proven_here_stays(server: Server, bring: Bring) -> None:
    await server.user(NINA).run("{ me { id } }")
    await server.user("victim").run("{ me { id } }")
    set_email = (
        "UPDATE user_account SET email = $1, email_verified = true WHERE clerk_id = $2 RETURNING id"
    )
    await server.sql(set_email, "nina@home.example", NINA)
    await server.sql(set_email, "paul@example.com", "victim")
    await bring(chats())
    rows = await server.sql("SELECT clerk_id, email FROM user_account ORDER BY clerk_id")
    found = {row["clerk_id"]: row["email"] for row in rows}
    assert (found[NINA], found["victim"], found[PAUL]) == (
        "nina@home.example", "paul@example.com", None,
    )  # fmt: skip


async def test_parts_of_any_kind_are_kept_and_read(server: Server, bring: Bring) -> None:
    made = chats()
    odd: list[Any] = ["no JSON", 7, {"type": "text"}, [1, None, {"type": "wave"}], [{"type": 3}]]
    chat = made.find("chats", title="Quince")["_id"]
    for number, parts in enumerate(odd):
        made.add("messages", START * 2 + number, chatId=chat, role="assistant", parts=parts)
    await bring(made)
    nodes = (
        await server.user(NINA).run("""{ pinnedConversations { nodes { messages(last: 5) {
      nodes { parts content contentParts { __typename } } } } } }""")
    )["pinnedConversations"]
    (page,) = nodes["nodes"]
    assert [one["parts"] for one in page["messages"]["nodes"]] == odd
    assert {one["content"] for one in page["messages"]["nodes"]} == {""}


async def test_the_names_of_the_diagram_are_understood(server: Server, bring: Bring) -> None:
    made = chats()
    (chosen,) = made.tables.pop("userPreferences")
    for name, other in (
        ("promptSuggestions", "promptSugg"),
        ("showToolInvocations", "toolInvoc"),
        ("showConversationPreviews", "convPrev"),
        ("multiModelEnabled", "multiModel"),
        ("hiddenModels", "hiddenMdls"),
    ):
        chosen[other] = chosen.pop(name)
    made.tables["userPrefs"] = [chosen]
    counter = made.tables["anonymousUsage"][0]
    counter["dailyCount"] = counter.pop("dailyMessageCount")
    report = await bring(made)
    assert not report.flaws
    rows = await server.sql("SELECT * FROM user_preferences WHERE layout = 'sidebar'")
    switches = ("prompt_suggestions", "show_tool_invocations", "show_conversation_previews")
    assert [rows[0][name] for name in switches] == [False, False, False]
    assert (rows[0]["multi_model_enabled"], rows[0]["hidden_models"]) == (True, ["grok-4"])
    rows = await server.sql("SELECT daily_message_count AS count FROM anonymous_usage")
    assert rows == [{"count": 4}]


async def test_fields_that_nothing_is_made_of_are_named(bring: Bring) -> None:
    made = chats()
    made.tables["chats"][0] |= {f"extra{number:02}": 1 for number in range(60)}
    report = await bring(made, dry_run=True)
    told = {rule for _, rule in report.counts if rule.startswith("field left out: extra")}
    assert len(told) == 50
    assert report.counts["chats", "field left out: …"] == 10


@pytest.mark.parametrize("app", list(AppName))
async def test_an_app_can_be_named(bring: Bring, app: AppName) -> None:
    made = {AppName.CHAT: chats, AppName.BUILDER: story}[app]()
    report = await bring(made, app=app, dry_run=True)
    assert report.app == app
    assert report.counts["messages", ADDED] > 0


async def test_which_app_it_is_must_be_clear(bring: Bring) -> None:
    made = story()
    made.tables = {name: made.tables[name] for name in ("projects", "messages")}
    with pytest.raises(DomainError, match="say --app builder or chat"):
        await bring(made)
