"""An older copy of the database in the place of the one a server was reading."""

from __future__ import annotations

import asyncio
import subprocess
from pathlib import Path

import pytest

from app.postgres import EmbeddedPostgres
from tests.harness.api import Refused, StartServer

CHANGED = """subscription($of: MessageTarget!, $after: String) {
  messageChanged(of: $of, after: $after) { node { content } cursor reset } }"""


def copy(source: Path, target: Path) -> None:
    """Copy a folder with its owners."""
    subprocess.run(["cp", "-a", str(source), str(target)], check=True)  # noqa: S603, S607 - ours


async def test_an_older_copy_ends_subscriptions_and_resets_cursors(
    private_postgres: EmbeddedPostgres, start_server: StartServer
) -> None:
    server = await start_server(url=private_postgres.url(), worker=False)
    ada = server.user()
    made = await ada.do("createProject", "{ project { id } }", name="One", framework="VUE")
    of = {"projectId": made["project"]["id"]}
    cluster = (private_postgres.data_dir / "cluster").resolve()
    backup = cluster.with_name("backup")
    await asyncio.to_thread(private_postgres.stop)
    await asyncio.to_thread(copy, cluster, backup)
    await asyncio.to_thread(private_postgres.start)
    async with ada.listen(CHANGED, of=of) as events:
        cursor = (await events.next())["cursor"]
        for _ in range(5):
            await ada.do("createMessage", "{ message { id } }", to=of, content="lost")
            cursor = (await events.next())["cursor"]

        await asyncio.to_thread(private_postgres.stop)
        await asyncio.to_thread(cluster.rename, cluster.with_name("newer"))
        await asyncio.to_thread(backup.rename, cluster)
        await asyncio.to_thread(private_postgres.start)
        with pytest.raises(Refused) as refused:
            await events.next(5)
        assert refused.value.code == "UNAVAILABLE"
    async with ada.listen(CHANGED, of=of, after=cursor) as events:
        first = await events.next()
        assert (first["node"], first["reset"]) == (None, True)
        await ada.do("createMessage", "{ message { id } }", to=of, content="kept")
        event = await events.next()
        assert (event["node"], event["reset"]) == ({"content": "kept"}, False)
