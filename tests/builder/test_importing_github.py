"""Repositories of GitHub: taken over whole or not at all, with paths that every system can have."""

from __future__ import annotations

import pytest
from aiohttp import web

from tests.builder.importing import FRAGMENT, Place, importing
from tests.harness.api import StartServer
from tests.harness.providers import COMMIT, FILES, TOKEN, zipball

pytest_plugins: list[str] = []


@pytest.fixture
async def place(start_server: StartServer):
    async with importing(start_server) as made:
        yield made


async def test_a_repository_becomes_a_fragment_of_the_project(place: Place) -> None:
    begun = await place.github_import()
    assert (begun["status"], begun["phase"], begun["outcome"]) == ("PENDING", "QUEUED", None)
    found = await place.ended(begun["id"])
    assert found["error"] is None
    assert (found["status"], found["outcome"]) == ("COMPLETE", "SUCCEEDED")
    print(found)
    fragment = (await place.ada.run(FRAGMENT, id=begun["id"]))["import"]["fragment"]
    print(fragment)
    assert fragment["files"] == {path: data.decode() for path, data in FILES.items()}
