"""What can't be imported is refused by table, line and reason, and leaves nothing behind."""

from __future__ import annotations

import asyncio
import re
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from app.convex.importing import Refused
from app.convex.report import ADDED
from models.errors import DomainError
from tests.convex.conftest import Bring
from tests.convex.reading import everything
from tests.convex.snapshots import FIRST, START, SnapshotFile, both, special, spoil, story
from tests.harness.api import Server
from tests.harness.commands import command, punnet


@pytest.fixture(autouse=True)
async def nothing(server: Server) -> AsyncIterator[None]:
    """Whatever a test here tries, the database is as it was."""
    before = await everything(server)
    yield
    assert await everything(server) == before


WRONG: dict[str, tuple[str, dict[str, Any]]] = {
    'projects, line 3: framework: "React" where one of': ("projects", {"framework": "React"}),
    "projects, line 3: name is missing": ("projects", {"name": None}),
    "projects, line 3: name: Must not be empty": ("projects", {"name": " "}),
    "projects, line 3: userId: a number where text is due": ("projects", {"userId": 7}),
    "projects, line 3: createdAt: a time outside": ("projects", {"createdAt": -1}),
    "projects, line 3: updatedAt: text where a time": ("projects", {"updatedAt": "now"}),
    "messages, line 3: content: an object where text": ("messages", {"content": {"a": 1}}),
    'messages, line 3: role: "root" where one of': ("messages", {"role": "root"}),
    "messages, line 3: projectId is missing": ("messages", {"projectId": None}),
    "fragments, line 3: files: a list where an object": ("fragments", {"files": []}),
    "attachments, line 3: size: parts of a number": ("attachments", {"size": 1.5}),
    "attachments, line 3: size: true or false where a whole": ("attachments", {"size": True}),
    "attachments, line 3: width: Must be from 1": ("attachments", {"width": 0}),
    "usage, line 2: points: a number of 100,000,000,000,000": ("usage", {"points": 1e30}),
    "projects, line 3: userId: too long for an id": ("projects", {"userId": "u" * 256}),
    "oauthConnections, line 3: accessToken: At most": (
        "oauthConnections", {"accessToken": "s" * 20_001},
    ),
    "usage, line 2: points: an object where a number": ("usage", {"points": special(1e999)}),
    "subscriptions, line 2: cancelAtPeriodEnd": ("subscriptions", {"cancelAtPeriodEnd": 1}),
    "oauthConnections, line 3: accessToken: a": ("oauthConnections", {"accessToken": 5}),
    "webhookEvents, line 2: eventId: At most 255": ("webhookEvents", {"eventId": "e" * 256}),
    "agentRuns, line 3: _creationTime is missing": ("agentRuns", {"_creationTime": "soon"}),
    "agentRuns, line 3: _id is missing": ("agentRuns", {"_id": None}),
    "imports, line 3: malformed: not 8 bytes": ("imports", {"metadata": {"$integer": "AAAA"}}),
    "imports, line 3: malformed: not base64": ("imports", {"metadata": {"$bytes": "?"}}),
}  # fmt: skip


@pytest.mark.parametrize("told", WRONG)
async def test_a_wrong_value(bring: Bring, told: str) -> None:
    table, values = WRONG[told]
    made = story()
    documents = made.tables[table]
    documents[min(3, len(documents)) - 1].update(values)
    with pytest.raises(DomainError, match=re.escape(told)):
        await bring(made)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (b"{", "projects, line 2: malformed: "),
        (b"[]", "projects, line 2: not an object"),
        (b"\xff", "projects, line 2: malformed: "),
        (b'{"a": "\\ud800"}', "projects, line 2: malformed: "),
        (b"[" * 100_000, "projects, line 2: malformed: "),
    ],
    ids=["cut", "a list", "bad UTF-8", "half a character", "deep"],
)
async def test_a_malformed_line(
    database: str, bring: Bring, tmp_path: Path, line: bytes, told: str
) -> None:
    path = tmp_path / "broken.zip"
    good = b'{"_id": "p", "_creationTime": 1.5, "name": "a", "userId": "u", "framework": "VUE"}\n'
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("projects/documents.jsonl", good + line + b"\n" + good)
    ended = await punnet("import", "convex", path, "--app", "builder", url=database)
    assert ended.code == 1
    assert told in ended.err


async def test_an_id_that_is_there_twice(bring: Bring) -> None:
    made = story()
    made.tables["messages"].append(made.tables["messages"][0])
    with pytest.raises(DomainError, match="messages: an _id is there twice"):
        await bring(made)


@pytest.mark.parametrize("content", [b"", b"no archive", b"PK\x03\x04 cut short"])
async def test_a_file_that_is_no_snapshot(database: str, tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "other.zip"
    path.write_bytes(content)
    ended = await punnet("import", "convex", path, url=database)
    assert (ended.code, ended.out) == (1, "")
    assert "not a snapshot that can be read" in ended.err
    assert "Traceback" not in ended.err


async def test_strict_refuses_flaws_and_says_them(database: str, tmp_path: Path) -> None:
    made = story()
    spoil(made)
    path = made.write(tmp_path / "s.zip")
    ended = await punnet("import", "convex", path, "--strict", url=database, columns=200)
    assert ended.code == 1
    assert "--strict allows no flaws" in ended.err
    assert "duplicate: the newest counts" in ended.out


async def test_a_dry_run_reports_what_an_import_would(bring: Bring) -> None:
    made = story()
    spoil(made)
    report = await bring(made, dry_run=True)
    assert report.counts["messages", ADDED] == 21
    assert report.counts["usage", "duplicate: the newest counts"] == 1


FLAWS: dict[str, tuple[str, dict[str, Any]]] = {
    "orphan: skipped, no such projectId": ("messages", {"projectId": "nowhere"}),
    "link left out: no such importId": ("attachments", {"importId": "nowhere"}),
    "shortened: name": ("projects", {"name": "n" * 201}),
    "skipped: unsafe URL": ("attachments", {"url": "javascript:alert(1)"}),
    "file left out: unsafe path, or too many": ("fragments", {"files": {"../../etc": "x"}}),
    "left out: unknown framework": ("agentRuns", {"framework": "ember"}),
}


@pytest.mark.parametrize("rule", FLAWS)
async def test_each_flaw_is_counted_and_refused_when_strict(bring: Bring, rule: str) -> None:
    table, values = FLAWS[rule]
    made = story()
    made.tables[table][0].update(values)
    report = await bring(made, dry_run=True)
    assert report.counts[table, rule] == 1
    with pytest.raises(Refused):
        await bring(made, strict=True)


async def test_a_table_that_is_not_known_is_named(bring: Bring) -> None:
    made = story()
    made.add("webcontainerFiles", START, files={})
    report = await bring(made, dry_run=True)
    assert report.counts["webcontainerFiles", "table left out: not known"] == 1


async def test_a_kill_in_the_middle_leaves_nothing(
    server: Server, database: str, tmp_path: Path
) -> None:
    path = _many(tmp_path)
    async with command("import", "convex", path, "--app", "builder", url=database) as running:
        await _until(server, "INSERT INTO message", running.process)
        await running.kill()
    await _until_gone(server)


def _many(folder: Path) -> Path:
    made = SnapshotFile()
    project = made.add("projects", START, name="Many", userId=FIRST, framework="VUE", **both(START))
    for number in range(20_000):
        made.add(
            "messages", START + number, content=f"Message {number}", role="USER", type="RESULT",
            status="COMPLETE", projectId=project,
        )  # fmt: skip
    return made.write(folder / "many.zip")


async def _until(server: Server, statement: str, process: asyncio.subprocess.Process) -> None:
    running = "SELECT 1 FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND query LIKE $1"
    while not await server.sql(running, f"%{statement}%"):
        assert process.returncode is None, "it was too quick to be killed"
        await asyncio.sleep(0.001)


async def _until_gone(server: Server) -> None:
    """PostgreSQL notices the loss of a client only when it next speaks to it."""
    importing = (
        "SELECT 1 FROM pg_stat_activity WHERE pid <> pg_backend_pid() "
        "AND query LIKE '%staged_messages%'"
    )
    async with asyncio.timeout(20):
        while await server.sql(importing):
            await asyncio.sleep(0.05)
