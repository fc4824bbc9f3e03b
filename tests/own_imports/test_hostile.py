"""A file that somebody changed gets nothing that its user may not have, and harms nobody."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile

import pytest

from models.errors import Conflict, DomainError, Invalid, NotFound
from models.ids import new_id
from tests.harness.api import StartServer
from tests.harness.verbs import id_of
from tests.own_imports.conftest import NewPlace, Place, Row, changed, rows_of
from tests.own_imports.scene import EMAIL

RIGHTS = {
    *("account", "api_token", "audit_log", "oauth_connection", "session", "user_key"),
    *("polar_customer", "subscription", "usage", "org", "org_member", "share_link"),
    *("usage_event", "invoice", "credit_budget", "credit_ledger", "credit_reservation"),
    *("agent_run", "deletion_job", "generation", "tool_call"),
}
EVE = "eve@example.com"


@pytest.fixture
async def file(home: Place, tmp_path: Path) -> Path:
    """What Ada took along."""
    return await home.exported(tmp_path / "ada.zip")


@pytest.fixture
async def there(new_place: NewPlace) -> Place:
    """Where nobody is yet."""
    return await new_place()


def each(**columns: Any) -> Callable[[list[Row]], None]:
    """Have every row say something else."""

    def change(rows: list[Row]) -> None:
        for row in rows:
            row.update(columns)

    return change


def first(**columns: Any) -> Callable[[list[Row]], None]:
    """Have the first row say something else."""
    return lambda rows: rows[0].update(columns)


async def test_no_right_comes_in(file: Path, there: Place, tmp_path: Path) -> None:
    rights = {
        "premium": True, "operator": True, "clerk_id": "somebody", "email": EVE,
        "email_verified": False, "daily_message_count": 7, "message_count": 7, "anonymous": True,
        "identity_at": "2026-01-01T00:00:00.000Z", "avatar_url": "https://evil.example/x.png",
    }  # fmt: skip
    await there.bring(changed(file, tmp_path / "forged.zip", "user_account", each(**rights)))
    (row,) = [row for row in (await there.rows())["user_account"] if row["email"] == EMAIL]
    assert {name: row[name] for name in rights} == {
        "premium": False, "operator": False, "clerk_id": None, "email": EMAIL,
        "email_verified": True, "daily_message_count": 0, "message_count": 0, "anonymous": False,
        "identity_at": None, "avatar_url": None,
    }  # fmt: skip


async def test_no_way_in_no_money_and_no_work_comes_in(
    file: Path, there: Place, tmp_path: Path
) -> None:
    """Tables of rights are left out, however full they are, and nothing begins to run."""
    user = rows_of(file, "user_account")[0]["id"]
    times = dict.fromkeys(("created_at", "updated_at"), "2026-01-01T00:00:00.000Z")
    usage = {"id": new_id("usg"), "owner_id": user, "user_id": user, "points": "9999.0000"}
    more = times | usage | {"expire": None, "plan_type": "unlimited"}
    forged = changed(file, tmp_path / "1.zip", "usage", lambda rows: rows.append(more))
    running = each(status="PENDING", lease_until=None, claimed_by=None)
    forged = changed(forged, tmp_path / "2.zip", "agent_run", running)
    pending = each(status="PENDING", outcome=None)
    forged = changed(forged, tmp_path / "3.zip", "message", pending)
    waiting = each(state="AWAITING_APPROVAL", ended_at=None)
    forged = changed(forged, tmp_path / "4.zip", "tool_call", waiting)
    await there.bring(forged)
    rows = await there.rows()
    none = (
        "usage",
        "subscription",
        "polar_customer",
        "session",
        "account",
        "api_token",
        "user_key",
    )
    none += ("oauth_connection", "audit_log", "generation", "share_link", "agent_run", "tool_call")
    assert [name for name in (*none, "deletion_job", "org", "org_member") if rows[name]] == []
    assert {(row["status"], row["outcome"]) for row in rows["message"]} == {("COMPLETE", "FAILED")}


async def test_rows_of_others_are_out_of_reach(
    home: Place, file: Path, start_server: StartServer, tmp_path: Path
) -> None:
    """Eve changes her own export so that it names what is Ada's."""
    server = await start_server(url=home.url, data_dir=home.folder, worker=False)
    eve = await id_of(server.user("eve"))
    named = {home.ids["user"]: eve}
    hers = renamed(file, tmp_path / "hers.zip", named)
    before = await home.rows()
    came = await home.bring(hers, eve)
    assert {one.added for one in came.values()} == {0}, "all of it is Ada's"
    assert await home.rows() == before
    # Conversations of her own, with all that is below them.
    mine = {row["id"]: new_id("cnv") for row in rows_of(file, "conversation")}
    mine |= {row["id"]: new_id("msg") for row in rows_of(file, "message")}
    mine |= {row["id"]: new_id("att") for row in rows_of(file, "attachment")}
    await home.bring(renamed(file, tmp_path / "own.zip", named | mine), eve)
    rows = await home.rows()
    own = [row for row in rows["conversation"] if row["owner_id"] == eve]
    assert len(own) == 1, "an app's conversation needs its project"
    assert own[0]["project_id"] is None, "the folder is Ada's"
    brought = {row["id"] for row in rows["message"] if row["owner_id"] == eve}
    assert brought
    assert [row for row in rows["attachment"] if row["message_id"] in brought] == []
    assert [row for row in rows["stored_file"] if row["owner_id"] == eve] == []
    for table, kept in before.items():
        assert [row for row in rows[table] if row in kept] == kept, table


async def test_no_message_is_hung_under_one_of_others(
    home: Place, file: Path, start_server: StartServer, tmp_path: Path
) -> None:
    """Eve's conversation begins with Ada's message, whose id is taken, and goes on with her own."""
    server = await start_server(url=home.url, data_dir=home.folder, worker=False)
    eve, before = await id_of(server.user("eve")), await home.rows()
    parents = {row["parent_id"] for row in rows_of(file, "message")}
    names = {home.ids["user"]: eve}
    names |= {row["id"]: new_id("cnv") for row in rows_of(file, "conversation")}
    names |= {
        row["id"]: new_id("msg") for row in rows_of(file, "message") if row["id"] not in parents
    }
    with pytest.raises(DomainError, match="does not follow"):
        await home.bring(renamed(file, tmp_path / "mixed.zip", names), eve)
    assert await home.rows() == before


def renamed(source: Path, target: Path, names: dict[str, str]) -> Path:
    """A copy of an export with other ids in it, also in the names of its entries."""
    with ZipFile(source) as old, ZipFile(target, "w", ZIP_DEFLATED) as new:
        for name in old.namelist():
            data = old.read(name)
            if name.endswith(("jsonl", "json")):
                for one, other in names.items():
                    data = data.replace(one.encode(), other.encode())
            new.writestr(name, data)
    return target


PDF = "application/pdf"
BROKEN: dict[str, tuple[str, Callable[[list[Row]], object], str]] = {
    "an id of another kind": ("message", first(id=new_id("usr")), "id: Not one of"),
    "an id that is none": ("project", first(id="../../x"), "id: Not one of"),
    "an id twice": ("message", lambda rows: rows.append(rows[0]), "An id is there twice"),
    "a ring": ("message", lambda rows: rows[0].update(parent_id=rows[-1]["id"]), "does not follow"),
    "itself": ("message", lambda rows: rows[0].update(parent_id=rows[0]["id"]), "does not follow"),
    "no such parent": ("message", first(parent_id=new_id("msg")), "does not follow"),
    "an order twice": ("message", each(order_id=1), ""),
    "a role": ("message", first(role="KING"), "role: Not one of its values"),
    "a long text": ("message", first(content="x" * 1_000_001), "At most 1,000,000"),
    "long parts": ("message", first(parts=["x" * 2_000_000]), "parts: At most 2,000,000"),
    "long usage": ("message", first(usage=["x" * 100_000]), "usage: At most 100,000"),
    "long citations": ("message", first(citations=["x" * 100_000]), "citations: At most 100,000"),
    "a long source": (
        "attachment", first(source_metadata=["x" * 100_000]), "source_metadata: At most 100,000",
    ),
    "a NUL": ("message", first(content="\0"), "NUL"),
    "half a character": ("message", first(content="\ud800"), "valid Unicode"),
    "a number as text": ("message", first(content=7), "content: Must be text"),
    "a null": ("message", first(content=None), "content: Must not be null"),
    "a blank": ("project", first(name=" "), "Must not be empty"),
    "an address": ("attachment", first(url="javascript:x", stored_file_id=None), "http"),
    "a path": ("fragment_draft", first(files={"../x": ""}), "Paths must be relative"),
    "files of no kind": ("fragment_draft", first(files=[1]), "Must be an object"),
    "a media type": ("stored_file", first(content_type="text/html"), "No such files"),
    "another media type": ("stored_file", each(content_type=PDF), "stored_file/bytes"),
    "a size": ("stored_file", each(size=3), "stored_file/bytes"),
    "a digest": ("stored_file", each(sha256="0" * 64), "stored_file/bytes"),
    "models": ("user_account", first(favorite_models={"a": 1}), "ids of models"),
    "hidden models": ("user_preferences", first(hidden_models=[1]), "ids of models"),
    "a column": ("project", first(secret="x"), "not known: secret"),
}  # fmt: skip


async def test_what_no_export_of_ours_has_is_refused(
    file: Path, there: Place, tmp_path: Path
) -> None:
    before = await there.rows()
    for name, (table, change, reason) in BROKEN.items():
        forged = changed(file, tmp_path / "forged.zip", table, change)
        with pytest.raises(DomainError) as refused:
            await there.bring(forged)
        assert reason in str(refused.value), name
        assert len(str(refused.value)) < 300, name
        assert await there.rows() == before, name
        assert there.kept == {}, name


async def test_a_zip_is_only_read_where_it_should_be(
    file: Path, there: Place, tmp_path: Path
) -> None:
    with ZipFile(file) as archive:
        manifest = json.loads(archive.read("manifest.json"))
    told: dict[str, dict[str, bytes | None]] = {
        "holds too much": {"message/rows.jsonl": b" " * (65 << 20)},
        "it lacks message/rows.jsonl": {"message/rows.jsonl": None},
        "no export of Punnet": {"manifest.json": b"{}"},
        "does not say whose": {"manifest.json": said(manifest, user="org_x")},
        "other tables or columns": {"manifest.json": said(manifest, tables={})},
        "format 9": {"manifest.json": said(manifest, format=9)},
    }
    for reason, entries in told.items():
        with pytest.raises(Invalid, match=reason):
            await there.bring(replaced(file, tmp_path / "other.zip", entries))
    outside = {"../../outside.txt": b"x", "/etc/outside": b"x", "stored_file/bytes/../x": b"x"}
    await there.bring(replaced(file, tmp_path / "more.zip", outside))
    assert {len(name.split("/")) for name in there.kept if name.startswith("files")} == {4}
    with pytest.raises(Invalid, match="The file is broken"):
        await there.bring(cut(file, tmp_path / "cut.zip"))


def cut(source: Path, target: Path) -> Path:
    """A file that lost its end."""
    target.write_bytes(source.read_bytes()[:-100])
    return target


def said(manifest: dict[str, Any], **more: Any) -> bytes:
    """A manifest that says something else."""
    return json.dumps(manifest | more).encode()


def replaced(source: Path, target: Path, entries: dict[str, bytes | None]) -> Path:
    """A copy of an export with other entries, or without some."""
    with ZipFile(source) as old, ZipFile(target, "w", ZIP_DEFLATED) as new:
        kept = {name: old.read(name) for name in old.namelist()}
        for name, data in (kept | entries).items():
            if data is not None:
                new.writestr(name, data)
    return target


async def test_an_account_is_made_only_for_an_address_that_is_free(
    home: Place, file: Path, there: Place
) -> None:
    with pytest.raises(NotFound):
        await there.bring(file, new_id("usr"))
    with pytest.raises(Invalid):
        await there.bring(file, "no address")
    before = await home.rows()
    with pytest.raises(Conflict):
        await home.bring(file, EVE)
    assert await home.rows() == before
