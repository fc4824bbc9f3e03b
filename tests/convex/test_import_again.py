"""A second import changes nothing; a newer snapshot changes what is newer, and nothing else."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from app.convex.report import ADDED, UNCHANGED, UPDATED
from tests.convex.conftest import Bring
from tests.convex.reading import everything
from tests.convex.snapshots import FIRST, SECOND, START, SnapshotFile, both, integer, spoil, story
from tests.harness.api import Server

LATER = START + 10**12  # far in the future: newer than whatever a test edits
LAST = """query ($id: ID!) { node(id: $id) { ... on Project { messages(last: 5) {
  nodes { id content orderId parentId } } } } }"""


@pytest.fixture
def made() -> SnapshotFile:
    """A story with duplicates, orphans and unfinished work."""
    told = story()
    spoil(told)
    return told


async def test_a_second_run_changes_nothing(
    server: Server, bring: Bring, made: SnapshotFile
) -> None:
    await bring(made)
    before = await everything(server)
    report = await bring(made)
    assert await everything(server) == before
    assert report.total(ADDED) == report.total(UPDATED) == 0
    assert report.total(UNCHANGED) > 50


async def test_the_order_of_documents_does_not_matter(
    server: Server, bring: Bring, made: SnapshotFile
) -> None:
    await bring(made)
    before = await everything(server)
    for documents in made.tables.values():
        documents.sort(key=lambda document: document["_id"])
    await bring(made)
    assert await everything(server) == before


async def test_each_owner_hears_once_of_an_import(server: Server, bring: Bring) -> None:
    await bring(story())
    rows = await server.sql("SELECT owner_id, verb, changes FROM event_log")
    users = await server.sql("SELECT id FROM user_account ORDER BY id")
    assert sorted(row["owner_id"] for row in rows) == ["system", *(user["id"] for user in users)]
    for row in rows:
        (change,) = row["changes"]
        assert (row["verb"], change["op"], change["id"]) == ("import", "imported", row["owner_id"])


async def test_only_those_with_news_hear_of_the_next(server: Server, bring: Bring) -> None:
    made = story()
    await bring(made)
    made.find("projects", name="omar's app 1").update(name="Renamed", updatedAt=LATER)
    await bring(made)
    rows = await server.sql(
        "SELECT u.clerk_id AS who FROM event_log e JOIN user_account u ON u.id = e.owner_id"
    )
    assert sorted(row["who"] for row in rows) == [SECOND, SECOND, FIRST]


NEWER: dict[str, dict[str, Any]] = {
    "projects": {"name": "A new name"},
    "messages": {"content": "New words"},
    "fragments": {"files": {"new.txt": "new"}},
    "fragmentDrafts": {"files": {"new.txt": "new"}},
    "attachments": {"url": "https://example.com/new.png"},
    "agentRuns": {"error": "a new error"},
    "imports": {"sourceName": "acme/new"},
    "subscriptions": {"status": "canceled"},
    "oauthConnections": {"scope": "more"},
}
COLUMNS = {
    "projects": ("project", "name"),
    "messages": ("message", "content"),
    "fragments": ("fragment", "files"),
    "fragmentDrafts": ("fragment_draft", "files"),
    "attachments": ("attachment", "url"),
    "agentRuns": ("agent_run", "error"),
    "imports": ("project_import", "source_name"),
    "subscriptions": ("subscription", "status"),
    "oauthConnections": ("oauth_connection", "scope"),
}


@pytest.mark.parametrize("table", NEWER)
async def test_what_is_newer_is_taken(server: Server, bring: Bring, table: str) -> None:
    made = story()
    await bring(made)
    made.tables[table][0].update(NEWER[table], updatedAt=LATER)
    report = await bring(made)
    assert report.counts[table, UPDATED] == report.total(UPDATED) == 1
    name, column = COLUMNS[table]
    rows = await server.sql(f"SELECT {column} AS value FROM {name}")
    (new,) = NEWER[table].values()
    assert [row["value"] for row in rows].count(new) == 1


@pytest.mark.parametrize("table", NEWER)
async def test_what_is_not_newer_is_not(server: Server, bring: Bring, table: str) -> None:
    made = story()
    await bring(made)
    before = await everything(server)
    made.tables[table][0].update(NEWER[table])
    report = await bring(made)
    assert report.total(UPDATED) == 0
    assert await everything(server) == before


async def test_without_times_what_differs_from_the_last_import_is_taken(
    server: Server, bring: Bring
) -> None:
    made = story()
    await bring(made)
    made.find("usage", userId=FIRST).update(points=integer(1))
    made.tables["rateLimits"][0].update(count=9)
    report = await bring(made)
    assert report.total(UPDATED) == 2
    ruth = server.user(FIRST)
    assert (await ruth.run("{ usage { points } }"))["usage"] == {"points": 1.0}
    assert (await bring(made)).total(UPDATED) == 0
    made.find("usage", userId=FIRST).update(points=2)
    assert (await bring(made)).total(UPDATED) == 1


async def test_a_later_edit_here_is_kept(server: Server, bring: Bring) -> None:
    made = story()
    await bring(made)
    ruth = server.user(FIRST)
    (node,) = [n for n in await _projects(ruth) if n["name"] == "ruth's app 0"]
    await ruth.do("updateProject", "{ project { id } }", id=node["id"], name="Mine")
    made.find("projects", name="ruth's app 0").update(name="Theirs", updatedAt=START + 10**7)
    report = await bring(made)
    assert report.counts["projects", "edited here since: kept"] == 1
    assert {n["name"] for n in await _projects(ruth)} >= {"Mine"}


async def test_a_plan_that_was_decided_here_is_kept(server: Server, bring: Bring) -> None:
    made = story()
    await bring(made)
    await server.sql("UPDATE subscription SET plan_tier = 'pro' RETURNING id")
    made.find("subscriptions", userId=FIRST).update(status="active", updatedAt=LATER)
    await bring(made)
    found = await server.user(FIRST).run("{ subscriptions { nodes { status planTier } } }")
    assert found == {"subscriptions": {"nodes": [{"status": "ACTIVE", "planTier": "PRO"}]}}


async def test_without_times_an_edited_row_is_kept(server: Server, bring: Bring) -> None:
    made = story()
    await bring(made)
    await server.sql("UPDATE usage SET points = 7, granted = 7, updated_at = now() RETURNING id")
    made.find("usage", userId=FIRST).update(points=1)
    report = await bring(made)
    assert report.counts["usage", "edited here since: kept"] == 1
    usage = await server.user(FIRST).run("{ usage { points } }")
    assert usage == {"usage": {"points": 7.0}}


async def test_nothing_that_was_deleted_here_comes_back(server: Server, bring: Bring) -> None:
    made = story()
    await bring(made)
    ruth = server.user(FIRST)
    gone = (await _projects(ruth))[0]
    await ruth.do("deleteProject", "{ deletedProjectId }", id=gone["id"])
    draft = next(n for n in await _projects(ruth) if n["draft"])
    await ruth.do("clearFragmentDraft", "{ deletedDraftId }", projectId=draft["id"])
    for documents in made.tables.values():
        for document in documents:
            if "updatedAt" in document:
                document["updatedAt"] = LATER
    made.add(
        "messages", START + 1, content="late", role="USER", type="RESULT", status="COMPLETE",
        projectId=made.find("projects", name=gone["name"])["_id"], **both(LATER),
    )  # fmt: skip
    report = await bring(made)
    assert report.total(ADDED) == 0
    assert report.counts["projects", "deleted here: left so"] == 1
    assert report.counts["messages", "deleted here: left so"] == 5
    assert report.counts["fragmentDrafts", "deleted here: left so"] == 2
    left = await _projects(ruth)
    assert len(left) == 2
    assert [n["draft"] for n in left if n["id"] == draft["id"]] == [None]


async def test_new_messages_follow_those_that_were_sent_here(server: Server, bring: Bring) -> None:
    made = story()
    await bring(made)
    ruth = server.user(FIRST)
    (node,) = [n for n in await _projects(ruth) if n["name"] == "ruth's app 0"]
    await ruth.do(
        "sendMessage", "{ message { id } }", to={"projectId": node["id"]}, content="Here",
        runSource="WEBCONTAINER",
    )  # fmt: skip
    project = made.find("projects", name="ruth's app 0")["_id"]
    for number, text in enumerate(("Later", "Latest")):
        made.add(
            "messages", START + 10**9 + number, content=text, role="USER", type="RESULT",
            status="COMPLETE", projectId=project,
        )  # fmt: skip
    await bring(made)
    nodes = (await ruth.run(LAST, id=node["id"]))["node"]["messages"]["nodes"]
    assert [n["content"] for n in nodes][1] == "Here"
    assert [n["content"] for n in nodes][-2:] == ["Later", "Latest"]
    assert [n["orderId"] for n in nodes] == list(
        range(nodes[0]["orderId"], nodes[0]["orderId"] + 5)
    )
    assert [n["parentId"] for n in nodes[1:]] == [n["id"] for n in nodes[:-1]]
    sent = await ruth.do(
        "sendMessage", "{ message { orderId } }", to={"projectId": node["id"]}, content="On",
        runSource="WEBCONTAINER", supersede=True,
    )  # fmt: skip
    assert sent["message"]["orderId"] == nodes[-1]["orderId"] + 1


async def test_a_newer_duplicate_replaces_the_older_one(server: Server, bring: Bring) -> None:
    made = story()
    await bring(made)
    old = made.tables["fragments"][0]
    new = deepcopy({k: v for k, v in old.items() if not k.startswith("_")})
    made.add("fragments", LATER, **new | {"title": "Replaced", "updatedAt": LATER})
    report = await bring(made)
    assert report.counts["fragments", UPDATED] == 1
    assert report.counts["olderFragments", ADDED] == 1
    rows = await server.sql(
        "SELECT s.files, s.fragment_id = f.id AS same FROM file_snapshot s "
        "JOIN fragment f ON f.title = 'Replaced'"
    )
    assert rows == [{"files": old["files"], "same": True}]


async def _projects(api: Any) -> list[dict[str, Any]]:
    found = await api.run("{ projects(first: 50) { nodes { id name draft { id } } } }")
    return found["projects"]["nodes"]
