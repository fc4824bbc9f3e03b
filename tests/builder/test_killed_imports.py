"""kill -9 of a worker in mid import: another one finishes it, or it fails; there is no half."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession

from tests.builder.importing import FRAGMENT, IMPORT, READ, new_project
from tests.harness.api import Api
from tests.harness.eventually import eventually
from tests.harness.fleet import Fleet
from tests.harness.importable import FILES, TOKEN, ImportableGitHub, importable
from tests.harness.nursery import nursery
from tests.harness.planting import CIPHER
from tests.harness.processes import ask
from tests.harness.services import LOOPBACK
from tests.harness.verbs import id_of

CONNECT = """\
INSERT INTO oauth_connection (id, created_at, updated_at, owner_id, user_id, provider,
    access_token, scope) VALUES ('oac_00000000000000000000000000', now(), now(), '{user}', '{user}',
    'github', '{token}', 'repo')"""


@dataclass
class Town:
    """A server without a worker, a GitHub, and a project of the user's."""

    fleet: Fleet
    github: ImportableGitHub
    ada: Api
    project: str

    async def begin(self) -> str:
        """An import that no worker has seen; its archive stops half way."""
        self.github.gate.clear()
        given = {"projectId": self.project, "repository": "octocat/hello"}
        made = await self.ada.do("importGithubRepository", IMPORT, **given)
        return made["import"]["id"]

    async def read(self, id: str) -> Any:
        return (await self.ada.run(READ, id=id))["import"]

    async def fetched(self, times: int) -> None:
        """Wait until the archive was asked for so often."""

        async def look() -> bool:
            return len(self.github.fetched) >= times

        await eventually(look, 40)

    async def ended(self, id: str) -> Any:
        async def look() -> Any:
            found = await self.read(id)
            return found if found["completedAt"] else None

        return await eventually(look, 40)

    async def count(self, table: str) -> int:
        return await ask(self.fleet.database, f"SELECT count(*) FROM {table}")


@pytest.fixture
async def town(database: str, tmp_path: Path) -> AsyncIterator[Town]:
    async with (
        importable() as (github, _),
        nursery(tmp_path) as made,
        ClientSession() as session,
    ):
        settings = {"connections": json.dumps([github.entry()])}
        settings |= {"outgoing_allow": json.dumps(LOOPBACK), "data_dir": str(tmp_path / "data")}
        fleet = Fleet(made, database, session, settings)
        await fleet.start("serve", worker="false")
        ada = fleet.api("ada")
        user = await id_of(ada)
        token = CIPHER.seal(TOKEN, owner=user, purpose="oauth_connection.access_token")
        await ask(database, CONNECT.format(user=user, token=token), "SELECT 1")
        yield Town(fleet, github, ada, await new_project(ada))


async def test_another_worker_finishes_what_a_killed_one_began(town: Town) -> None:
    first = await town.fleet.start("worker")
    id = await town.begin()
    await town.fetched(1)
    await town.fleet.kill(first)
    assert (await town.read(id))["status"] == "PROCESSING"
    assert await town.count("message") == await town.count("fragment") == 0
    town.github.gate.set()
    await town.fleet.start("worker")
    found = await town.ended(id)
    assert (found["status"], found["error"]) == ("COMPLETE", None)
    fragment = (await town.ada.run(FRAGMENT, id=id))["import"]["fragment"]
    assert fragment["files"] == {path: data.decode() for path, data in FILES.items()}
    tables = ("message", "fragment", "attachment")
    assert [await town.count(table) for table in tables] == [1, 1, 1]


async def test_what_kills_every_worker_fails(town: Town) -> None:
    id = await town.begin()
    for times in (1, 2, 3):
        worker = await town.fleet.start("worker")
        await town.fetched(times)
        await town.fleet.kill(worker)
    await town.fleet.start("worker")
    found = await town.ended(id)
    assert (found["status"], found["outcome"]) == ("FAILED", "FAILED")
    assert found["error"] == "The import could not be finished. Please try again."
    assert len(town.github.fetched) == 3
    assert await town.count("message") == await town.count("fragment") == 0


async def test_a_worker_that_leaves_hands_it_over_at_once(town: Town) -> None:
    worker = await town.fleet.start("worker", lease=600)
    id = await town.begin()
    await town.fetched(1)
    worker.child.send(signal.SIGTERM)
    assert await asyncio.wait_for(worker.child.ended, 20) == 0
    tries = f"SELECT tries FROM project_import WHERE id = '{id}' AND status = 'PENDING'"
    assert await ask(town.fleet.database, tries) == 0
    town.github.gate.set()
    await town.fleet.start("worker")
    assert (await town.ended(id))["status"] == "COMPLETE"


async def test_of_two_workers_one_carries_it_out(town: Town) -> None:
    for _ in range(2):
        await town.fleet.start("worker")
    town.github.gate.set()
    ids = [await town.begin() for _ in range(4)]
    town.github.gate.set()
    for id in ids:
        assert (await town.ended(id))["status"] == "COMPLETE"
    assert len(town.github.fetched) == await town.count("fragment") == 4
