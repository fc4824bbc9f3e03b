"""What a user takes along has their files and no others', and the command brings it back."""

from __future__ import annotations

import io
from pathlib import Path
from zipfile import ZipFile

from app.own_imports.merging import ALWAYS
from app.own_imports.taken import TAKEN
from models.accounts.exporting import own_tables
from models.fields import SecretColumn
from tests.harness.api import StartServer
from tests.harness.commands import punnet
from tests.harness.uploading import http, image, send
from tests.own_imports.conftest import NewPlace, rows_of
from tests.own_imports.scene import EMAIL, furnish
from tests.own_imports.test_hostile import RIGHTS

LEFT_AS_NEW = {
    "agent_run": {"held_at", "lease_until"},
    "conversation": {"deleted_at", "public"},
    "project": {"deleted_at"},
    "project_import": {"due_at", "tries", "worker"},
    "stored_file": {"deleted_at"},
    "user_account": {
        *("anonymous", "avatar_url", "clerk_id", "deleted_at", "identity_at", "operator"),
        *("daily_message_count", "daily_pro_message_count", "daily_pro_reset", "daily_reset"),
        *("message_count", "premium", "premium_by_plan"),
    },
}
"""Columns that no import sets: they are as in a new row."""


def test_what_comes_back_was_decided_for_each_table_and_column() -> None:
    taken = {one.model: one for one in TAKEN}
    left = {model.table() for model in own_tables().keys() - taken.keys()}
    assert left == RIGHTS - {"agent_run", "tool_call"}
    as_new = {
        model.table(): {*model.columns()} - {*ALWAYS, *one.columns.split(), *one.values}
        for model, one in taken.items()
    }
    assert {table: names for table, names in as_new.items() if names} == LEFT_AS_NEW
    for model, one in taken.items():
        for name in (*one.columns.split(), *one.values):
            assert not isinstance(model.column(name), SecretColumn)


async def test_files_go_with_their_owner_and_come_back(
    start_server: StartServer, new_place: NewPlace, tmp_path: Path
) -> None:
    here, there = await new_place(), await new_place()
    server = await start_server(url=here.url, data_dir=here.folder)
    ada, eve = server.user("ada"), server.user("eve")
    others = await send(eve, image(), "image/png")
    ids = await furnish(server, ada)
    path = (await ada.do("exportMyData", "{ url }"))["url"]
    answer = await http(ada, "GET", path)
    (tmp_path / "data.zip").write_bytes(answer.body)
    with ZipFile(io.BytesIO(answer.body)) as archive:
        names = [name for name in archive.namelist() if "/bytes/" in name]
        assert archive.read(f"stored_file/bytes/{ids['text']}.file") == b"sugar\nquinces\n"
        assert {info.date_time for info in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
    parts = {f"{ids['file']}.{part}" for part in ("file", "thumbnail")}
    parts |= {f"{ids[one]}.file" for one in ("text", "picture")}
    assert {name.rpartition("/")[2] for name in names} == parts
    assert others["id"].encode() not in answer.body
    assert "storage_key" not in rows_of(tmp_path / "data.zip", "stored_file")[0]
    ended = await punnet(
        *("import", "own", tmp_path / "data.zip", "--user", EMAIL),
        url=there.url,
        data_dir=there.folder,
    )
    assert (ended.code, ended.err) == (0, "")
    assert "           3  stored_file (0 here already, 0 left out)" in ended.out.splitlines()
    digests = sorted(row["sha256"] for row in (await there.rows())["stored_file"])
    kept = {name.rpartition("/")[2].partition(".")[0] for name in there.kept}
    assert sorted(kept & {*digests}) == digests
    assert not {*there.kept} & {*here.kept}, "keys are drawn anew"


async def test_followers_start_anew(
    start_server: StartServer, new_place: NewPlace, tmp_path: Path
) -> None:
    here, there = await new_place(), await new_place()
    server = await start_server(url=here.url, data_dir=here.folder)
    ids = await furnish(server, server.user("ada"))
    await there.bring(await here.exported(tmp_path / "data.zip"))
    told = [row for row in (await there.rows())["event_log"] if row["owner_id"] == ids["user"]]
    assert [change["op"] for row in told for change in row["changes"]] == ["imported"]
