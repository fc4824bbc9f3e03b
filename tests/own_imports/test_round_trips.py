"""Export, import, export: what comes back is what was taken along, byte for byte."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from zipfile import ZipFile

from app.own_imports.taken import TAKEN
from models.accounts.users import User
from tests.harness.api import StartServer
from tests.harness.verbs import id_of
from tests.own_imports.conftest import NewPlace, Place, Row, rows_of

PREFERENCES = "{ me { name email favoriteModels } preferences { layout } }"
CONTENT = [taken.model.table() for taken in TAKEN if taken.model is not User]


def entries(file: Path, *folders: str) -> dict[str, bytes]:
    """The bytes of what an export has in these folders."""
    with ZipFile(file) as archive:
        return {name: archive.read(name) for name in archive.namelist() if name.startswith(folders)}


async def test_what_comes_back_exports_as_the_same_bytes(
    home: Place, new_place: NewPlace, tmp_path: Path
) -> None:
    first = await home.exported(tmp_path / "first.zip")
    there, further = await new_place(), await new_place()
    came = await there.bring(first)
    assert [name for name, one in came.items() if not one.added] == []
    second = await there.exported(tmp_path / "second.zip")
    folders = [f"{name}/" for name in CONTENT]
    assert entries(second, *folders) == entries(first, *folders)
    await further.bring(second)
    third = await further.exported(tmp_path / "third.zip")
    assert second.read_bytes() == third.read_bytes()


async def test_a_second_run_changes_nothing(
    home: Place, new_place: NewPlace, tmp_path: Path
) -> None:
    file, there = await home.exported(tmp_path / "first.zip"), await new_place()
    await there.bring(file)
    before, kept = await there.rows(), there.kept
    came = await there.bring(file)
    assert {one.added for one in came.values()} == {0}
    assert (await there.rows(), there.kept) == (before, kept)


async def test_what_is_here_stays_as_it_is(
    home: Place, start_server: StartServer, tmp_path: Path
) -> None:
    """Nothing that is here is changed, and what was deleted stays deleted."""
    file = await home.exported(tmp_path / "first.zip")
    server = await start_server(url=home.url, data_dir=home.folder, worker=False)
    ada = server.user("ada")
    await ada.do("updateProject", "{ __typename }", id=home.ids["folder"], name="Mine")
    await ada.do("deleteConversation", "{ __typename }", id=home.ids["conversation"])
    before = await home.rows()
    came = await home.bring(file)
    assert {one.added for one in came.values()} == {0}
    assert await home.rows() == before


async def test_another_account_gets_rows_of_its_own(
    home: Place, start_server: StartServer, tmp_path: Path
) -> None:
    file = await home.exported(tmp_path / "ada.zip")
    server = await start_server(url=home.url, data_dir=home.folder, worker=False)
    eve = server.user("eve")
    id = await id_of(eve)
    before = await eve.run(PREFERENCES)
    await home.bring(file, id)
    again = await home.bring(file, id)
    assert {one.added for one in again.values()} == {0}
    assert await eve.run(PREFERENCES) == before
    mine = await home.exported(tmp_path / "eve.zip", id)
    for table in CONTENT:
        if table == "user_preferences":
            continue
        theirs, own = rows_of(file, table), rows_of(mine, table)
        assert len(theirs) == len(own) or table == "stored_file"
        assert not {row["id"] for row in theirs} & {row["id"] for row in own}
        assert {row["owner_id"] for row in own} == {id}
    assert alike(rows_of(file, "message")) == alike(rows_of(mine, "message"))
    assert home.ids["user"].encode() not in b"".join(entries(mine, "").values())


def alike(rows: list[Row]) -> list[Any]:
    """Messages without what names rows, with the place of what they follow."""
    rows = sorted(rows, key=lambda row: (row["order_id"], row["content"]))
    places = {row["id"]: place for place, row in enumerate(rows)}
    kept = ("role", "content", "parts", "order_id", "selected", "on_branch", "created_at")
    return [[row[name] for name in kept] + [places.get(row["parent_id"])] for row in rows]
