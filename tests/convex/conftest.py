"""Importing in tests: as the command does, without the second it takes to start."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from app.cipher import Cipher
from app.convex.files import Keeper
from app.convex.importing import ConvexImport
from app.convex.report import Report
from app.files.store import open_store
from tests.convex.snapshots import SnapshotFile
from tests.harness.api import Server, StartServer, settings_for_tests

Bring = Callable[..., Awaitable[Report]]


@pytest.fixture
async def server(start_server: StartServer) -> Server:
    """A server that lets tests ask for much at once, and works on nothing."""
    return await start_server(worker=False, max_cost=10**7, max_depth=20)


@pytest.fixture
def bring(database: str, tmp_path: Path) -> Bring:
    """`report = await bring(snapshot)`: import what was made."""
    cipher = Cipher(os.urandom(32))
    keeper = Keeper(open_store(settings_for_tests(data_dir=tmp_path)), os.urandom(32))

    async def run(made: SnapshotFile, **options: Any) -> Report:
        path = made.write(tmp_path / "snapshot.zip")
        work = ConvexImport(database, cipher, keeper, **options)
        return await work.run(path, lambda _name, _size: lambda _bytes: None)

    return run
