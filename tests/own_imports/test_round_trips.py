"""Export, import, export: what comes back is what was taken along, byte for byte."""

from __future__ import annotations

from pathlib import Path
from zipfile import ZipFile

import pytest

from app.own_imports.taken import TAKEN
from models.accounts.users import User
from tests.harness.api import StartServer
from tests.harness.ownership import make_world
from tests.harness.planting import alter
from tests.own_imports.conftest import EMAIL, NewPlace, Place

CONTENT = [taken.model.table() for taken in TAKEN if taken.model is not User]


@pytest.fixture
async def home(new_place: NewPlace, start_server: StartServer) -> Place:
    """Where Ada has a row of each kind, and files."""
    place = await new_place()
    server = await start_server(url=place.url, data_dir=place.folder, worker=False)
    world = await make_world(server, server.user("ada"))
    await alter(server, User, world["user"], email=EMAIL, email_verified=True)
    return place


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
    print(came)
    second = await there.exported(tmp_path / "second.zip")
    await further.bring(second)
    third = await further.exported(tmp_path / "third.zip")
    assert second.read_bytes() == third.read_bytes()
    folders = [f"{name}/" for name in CONTENT]
    assert entries(second, *folders) == entries(first, *folders)
