"""A snapshot of the chat app is taken over field by field, and read back through the API."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.convex.chats import CSV, GUEST, NINA, PAUL, SITE, chats
from tests.convex.conftest import Bring
from tests.convex.expected import shown
from tests.convex.snapshots import MINUTE, START
from tests.harness.api import Server, StartServer
from tests.harness.commands import punnet


async def test_first(server: Server, database: str, tmp_path: Path) -> None:
    path = chats().write(tmp_path / "chats.zip")
    ended = await punnet("import", "convex", path, url=database, data_dir=tmp_path, columns=200)
    assert ended.code == 0, ended.err
    print(ended.out)
    for t in ("user_account", "conversation", "message", "attachment", "stored_file", "share_link"):
        for row in await server.sql(f"SELECT * FROM {t} ORDER BY created_at, id"):
            print(t, {k: v for k, v in row.items() if v is not None})
    assert 0
