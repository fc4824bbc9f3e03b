"""What is broken is told with its place, and spoils nothing beside it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from app.chats import entries
from app.chats.findings import Findings
from models.accounts.users import User
from models.chat.branches import SIBLINGS
from models.errors import Invalid, NotFound
from tests.chats.conftest import Bring, Reader
from tests.chats.exports import (
    START,
    chatgpt_chat,
    chatgpt_node,
    claude_chat,
    claude_message,
    jam,
    said,
    zipped,
)
from tests.harness.api import Server
from tests.harness.commands import punnet
from tests.harness.planting import alter

NO_TIME = "time left out: none between 1970 and 9999"
MENDED = "characters that can't be kept: replaced"


def places(findings: Findings) -> dict[str, list[str]]:
    """What is amiss, and where."""
    return {rule: findings.places[rule] for rule in findings.flaws}


async def titles(ada: Reader) -> list[str]:
    """Those of all conversations in use."""
    return sorted(one["title"] for one in await ada.conversations())


async def test_broken_entries_spoil_no_others(bring: Bring, ada: Reader) -> None:
    findings = await bring(
        "chatgpt",
        jam(id="1", title="One"),
        {"title": "without an id", "mapping": {}},
        {"id": "x", "mapping": []},
        None,
        ["a list"],
        jam(id="2", title="Two") | {"extra": json.loads("[" * 110 + "]" * 110)},
        {"id": "empty", "mapping": {}},
        jam(id="3", title="Three"),
    )
    assert await titles(ada) == ["One", "Three"]
    assert places(findings) == {
        "conversation left out: no id": ["conversation 2"],
        "conversation left out: no messages": ["conversation 3"],
        "conversation left out: not an object": ["conversation 4", "conversation 5"],
        "conversation left out: more than 100 levels deep": ["conversation 6"],
    }
    assert findings.counts["conversations without messages: left out"] == 1


async def test_text_that_is_no_json(bring: Bring, ada: Reader, tmp_path: Path) -> None:
    good = json.dumps(jam(id="1", title="One")), json.dumps(jam(id="2", title="Two"))
    wrong = b'{"id": "x", "mapping": {"a" 1}}', b'{"id": "y", "title": "caf\xe9 \xed\xa0\x80"}'
    file = tmp_path / "conversations.json"
    file.write_bytes(
        b"\xef\xbb\xbf [%s, %s, %s, %s, {" % (good[0].encode(), *wrong, good[1].encode())
    )
    findings = await bring("chatgpt", file)
    assert await titles(ada) == ["One", "Two"]
    assert places(findings) == {
        "conversation left out: no JSON at character 29": ["conversation 2"],
        "conversation left out: no messages": ["conversation 3"],
        "the file breaks off here": ["conversation 5"],
    }


async def test_a_file_that_breaks_off_has_what_came_before(
    bring: Bring, ada: Reader, tmp_path: Path
) -> None:
    file = tmp_path / "conversations.json"
    file.write_text(json.dumps([jam(id="1"), jam(id="2")])[:-100])
    findings = await bring("chatgpt", file)
    assert len(await titles(ada)) == 1
    assert places(findings) == {"the file breaks off here": ["conversation 2"]}


async def test_what_can_not_be_kept_is_replaced(bring: Bring, ada: Reader) -> None:
    text = "a\0b \ud83d c \ud83c\udf4f"
    findings = await bring("chatgpt", chatgpt_chat([said("q", None, "user", text)]))
    assert await ada.said() == [("USER", "a\ufffdb \ufffd c \U0001f34f")]
    assert places(findings) == {MENDED: ["conversation 1 (chat-1)"]}


async def test_times_that_are_none(bring: Bring, ada: Reader) -> None:
    times: list[Any] = ["soon", -1, 1e300, 10**400, True, [], {}, 253_402_300_800]
    nodes = [said("q", None, "user", "0", at=START + 5)]
    for number, at in enumerate(times, 1):
        nodes.append(said(f"m{number}", nodes[-1]["id"], "user", str(number), at=at))
    findings = await bring("chatgpt", chatgpt_chat(nodes, update_time=None))
    messages = await ada.shown()
    assert [one["content"] for one in messages] == [str(number) for number in range(9)]
    assert {one["createdAt"] for one in messages} == {"2023-11-14T22:13:25.250Z"}
    assert findings.flaws[NO_TIME] == len(times)
    assert findings.places[NO_TIME][0] == "conversation 1 (chat-1), message m1"
    await bring("claude", claude_chat([claude_message("1", "human", "x", created_at="31.1.24")]))


async def test_links_that_lead_nowhere_or_round(bring: Bring, ada: Reader) -> None:
    nodes = [
        said("q", "nowhere", "user", "Lost."),
        said("a", "c", "user", "A."),
        said("b", "a", "user", "B."),
        said("c", "b", "user", "C."),
        said("self", "self", "user", "Self."),
    ]
    findings = await bring("chatgpt", chatgpt_chat(nodes, current_node="gone"))
    assert places(findings) == {
        "parent missing: begins the conversation": ["conversation 1 (chat-1), message q"],
        "ring of parents: cut open": [
            "conversation 1 (chat-1), message a",
            "conversation 1 (chat-1), message self",
        ],
        "branch shown last: it is not there": ["conversation 1 (chat-1), message gone"],
    }
    (first, *_) = await ada.shown()
    assert [one["content"] for one in first["siblings"]] == ["Lost.", "A.", "Self."]


async def test_malformed_messages_are_left_out(bring: Bring, ada: Reader) -> None:
    nodes = [said("q", None, "user", "One."), said("a", "broken", "assistant", "Two.")]
    chat = chatgpt_chat(nodes)
    chat["mapping"] |= {
        "broken": 7,
        "odd": {"parent": "q", "message": "text"},
        "role": chatgpt_node("role", "q", {"author": {"role": "root"}, "content": 7}),
        "kind": said("kind", "q", "user", "", content={"content_type": "new", "text": "Kept."}),
    }
    findings = await bring("chatgpt", chat)
    assert places(findings) == {
        "message left out: not an object": ["conversation 1 (chat-1), message broken"],
        "message left out: unknown role": ["conversation 1 (chat-1), message role"],
        "content of an unknown kind: only its text is kept": [
            "conversation 1 (chat-1), message kind"
        ],
    }
    assert findings.counts["messages added"] == 3
    more = [claude_message("1", "human", "x"), claude_message("1", "human", "y"), {"text": "z"}, 7]
    findings = await bring("claude", claude_chat([*more, claude_message("2", "robot", "x")]))
    assert {rule: len(found) for rule, found in places(findings).items()} == {
        "message there twice: the first counts": 1,
        "message left out: no id": 2,
        "message left out: unknown role": 1,
    }


async def test_what_is_too_long_is_shortened(bring: Bring, ada: Reader) -> None:
    nodes = [said("q", None, "user", "x" * 1_000_001)]
    findings = await bring("chatgpt", chatgpt_chat(nodes, title="t" * 300))
    assert places(findings) == {
        "text shortened to what a message holds": ["conversation 1 (chat-1), message q"]
    }
    (only,) = await ada.shown()
    assert len(only["content"]) == 1_000_000
    assert await titles(ada) == ["t" * 200]


async def test_versions_beyond_what_one_can_choose_from(bring: Bring, ada: Reader) -> None:
    nodes = [said("q", None, "user", "One.")]
    nodes += [said(f"a{n}", "q", "assistant", f"{n}", at=START + n) for n in range(SIBLINGS + 2)]
    nodes += [said("after", f"a{SIBLINGS}", "user", "After.", at=START + 999)]
    findings = await bring("chatgpt", chatgpt_chat(nodes))
    assert findings.flaws["message left out: over 100 versions"] == 2
    assert len((await ada.shown())[1]["siblings"]) == SIBLINGS


async def test_an_entry_that_is_too_large_is_left_out(
    bring: Bring, ada: Reader, tmp_path: Path
) -> None:
    long = {"id": "x" * (entries.ENTRY_LIMIT + 1)}
    chats = [jam(id="1"), long, jam(id="2")]
    file = zipped(tmp_path / "export.zip", {"conversations.json": chats})
    findings = await bring("chatgpt", file)
    assert places(findings) == {"conversation left out: longer than 32 MiB": ["conversation 2"]}
    assert len(await titles(ada)) == 2


async def test_files_that_are_no_exports(bring: Bring, tmp_path: Path) -> None:
    whole = zipped(tmp_path / "a.zip", {"conversations.json": [jam()]})
    files: dict[str, bytes] = {
        "The file is no list of conversations.": b'{"conversations": []}',
        "The file is no list": b"",
        "The ZIP can't be read": _spoilt(whole.read_bytes()),
        "The ZIP holds no conversations.json.": zipped(tmp_path / "b.zip", {"x": ""}).read_bytes(),
    }
    for reason, data in files.items():
        (tmp_path / "file").write_bytes(data)
        with pytest.raises(Invalid, match=reason):
            await bring("chatgpt", tmp_path / "file")
    assert (await bring("chatgpt")).counts == {}


def _spoilt(data: bytes) -> bytes:
    return data[:60] + bytes(8) + data[68:]


async def test_it_needs_a_user_who_has_proven_the_address(
    bring: Bring, ada: Reader, server: Server
) -> None:
    await alter(server, User, ada.id, email="ada@example.com")
    for who in ("ada@example.com", "nobody@example.com", "usr_01h455vb4pex5vsknk084sn02q"):
        with pytest.raises(NotFound):
            await bring("chatgpt", jam(), who=who)
    await alter(server, User, ada.id, email_verified=True)
    await bring("chatgpt", jam(), who="Ada@Example.com")
    assert len(await ada.conversations()) == 1


async def test_the_command_tells_what_it_did(database: str, ada: Reader, tmp_path: Path) -> None:
    broken = chatgpt_chat([said("q\x1b[2J", "nowhere", "user", "One.")], id="2")
    file = zipped(tmp_path / "export.zip", {"conversations.json": [jam(), broken]})
    ended = await punnet("import", "chatgpt", file, "--user", ada.id, url=database)
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.splitlines() == [
        "           2  conversations read",
        "           0  messages here already",
        "           2  conversations added",
        "           0  conversations continued",
        "           6  messages added",
        "           1  parent missing: begins the conversation",
        "              conversation 2 (2), message q?[2J",
    ]
    ended = await punnet("import", "claude", file, "--user", "x@example.com", url=database)
    assert (ended.code, ended.out) == (1, "")
    assert ended.err == "No user has proven the address x@example.com, or has that id.\n"
