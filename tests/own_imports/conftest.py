"""What a user takes along, and where it comes in again."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile

import pytest

from app.files.store import open_store
from app.own_exports import export_user
from app.own_imports.importing import import_own
from app.own_imports.merging import Came
from models.packages import record_models
from tests.harness.api import StartServer, settings_for_tests
from tests.harness.postgres import NewDatabase
from tests.harness.processes import ask
from tests.harness.tools import TOOLS
from tests.own_imports.scene import EMAIL, furnish

Row = dict[str, Any]


@dataclass
class Place:
    """A database and a storage."""

    url: str
    folder: Path
    ids: dict[str, str] = field(default_factory=dict[str, str])

    @property
    def _store(self) -> Any:
        return open_store(settings_for_tests(data_dir=self.folder))

    async def exported(self, target: Path, who: str = EMAIL) -> Path:
        """What a user gets of what is theirs here."""
        await export_user(self.url, self._store, who, target)
        return target

    async def bring(self, file: Path, who: str = EMAIL) -> dict[str, Came]:
        """Import a user's export."""
        return dict(await import_own(self.url, self._store, file, who))

    async def ask(self, query: str) -> Any:
        """One value straight from the database."""
        return await ask(self.url, query)

    async def rows(self) -> dict[str, Any]:
        """Every row of every record, and how much was told of them."""
        tables = [*(model.table() for model in record_models()), "event_log"]
        rows = "SELECT coalesce(jsonb_agg(t ORDER BY t::text), '[]') FROM {} t"
        return {name: json.loads(await self.ask(rows.format(name))) for name in tables}

    @property
    def kept(self) -> dict[str, bytes]:
        """The objects in the storage."""
        files = (path for path in self.folder.rglob("*") if path.is_file())
        return {path.relative_to(self.folder).as_posix(): path.read_bytes() for path in files}


NewPlace = Callable[[], Awaitable[Place]]


@pytest.fixture
async def new_place(new_database: NewDatabase, tmp_path: Path) -> NewPlace:
    """Makes places where nobody is yet."""
    made: list[Place] = []

    async def make() -> Place:
        made.append(Place(await new_database(), tmp_path / f"place-{len(made)}"))
        return made[-1]

    return make


@pytest.fixture
async def home(new_place: NewPlace, start_server: StartServer) -> Place:
    """Where Ada has a row of each kind, and files."""
    place = await new_place()
    server = await start_server(url=place.url, data_dir=place.folder, tools=TOOLS)
    place.ids = await furnish(server, server.user("ada"))
    return place


def rows_of(file: Path, table: str) -> list[Row]:
    """The rows of a table in an export."""
    with ZipFile(file) as archive:
        return [json.loads(line) for line in archive.open(f"{table}/rows.jsonl")]


def changed(source: Path, target: Path, table: str, change: Callable[[list[Row]], object]) -> Path:
    """A copy of an export in which the rows of a table were changed in place."""
    rows = rows_of(source, table)
    change(rows)
    lines = b"".join(json.dumps(row).encode() + b"\n" for row in rows)
    with ZipFile(source) as old, ZipFile(target, "w", ZIP_DEFLATED) as new:
        for name in old.namelist():
            data = old.read(name)
            if name == f"{table}/rows.jsonl":
                data = lines
            if name == "manifest.json":
                manifest = json.loads(data)
                manifest["tables"][table]["rows"] = len(rows)
                data = json.dumps(manifest).encode()
            new.writestr(name, data)
    return target
