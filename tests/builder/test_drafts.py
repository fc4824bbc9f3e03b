"""Drafts: the files in progress, one set per project."""

from __future__ import annotations

import asyncio

import pytest

from tests.harness.api import StartServer
from tests.harness.mutations import FILES, Scene
from tests.harness.refusals import refusal, unchanged
from tests.harness.verbs import id_of

READ = "query($id: ID!) { project(id: $id) { draft { id files framework } } }"


@pytest.fixture
async def scene(start_server: StartServer) -> Scene:
    """A user on a server on which nothing happens by itself."""
    server = await start_server(worker=False)
    return Scene(server, server.user())


async def test_a_project_has_one_draft(scene: Scene) -> None:
    """getOrCreateFragmentDraft: one draft per project."""
    project = await scene.project()
    saved = "{ draft { id files framework project { id } } }"
    first = await scene.caller.do("saveFragmentDraft", saved, projectId=project, files=FILES)
    assert first["draft"] == {
        "id": first["draft"]["id"], "files": FILES, "framework": "VUE", "project": {"id": project}
    }  # fmt: skip
    second = await scene.caller.do(
        "saveFragmentDraft", saved, projectId=project, files={}, framework="REACT"
    )
    assert second["draft"]["id"] == first["draft"]["id"]
    found = (await scene.caller.run(READ, id=project))["project"]["draft"]
    assert found == {"id": first["draft"]["id"], "files": {}, "framework": "REACT"}


async def test_two_first_saves_at_once_make_one_draft(scene: Scene) -> None:
    project = await scene.project()
    made = await asyncio.gather(
        *(
            scene.caller.do(
                "saveFragmentDraft", "{ draft { id } }", projectId=project, files={f"{n}": ""}
            )
            for n in range(10)
        )
    )
    assert len({one["draft"]["id"] for one in made}) == 1


async def test_a_draft_is_cleared_once(scene: Scene) -> None:
    project = await scene.draft()
    draft = (await scene.caller.run(READ, id=project))["project"]["draft"]["id"]
    cleared = await scene.caller.do("clearFragmentDraft", "{ deletedDraftId }", projectId=project)
    assert cleared == {"deletedDraftId": draft}
    assert (await scene.caller.run(READ, id=project))["project"]["draft"] is None
    async with unchanged(scene.server):
        again = await scene.caller.do("clearFragmentDraft", "{ deletedDraftId }", projectId=project)
        assert again == {"deletedDraftId": None}


async def test_bad_and_foreign_drafts_are_refused(scene: Scene) -> None:
    project = await scene.draft()
    eve = scene.server.user("eve")
    await id_of(eve)
    async with unchanged(scene.server):
        for mutation in ("saveFragmentDraft", "clearFragmentDraft"):
            given = {"projectId": project} | (
                {"files": FILES} if mutation.startswith("save") else {}
            )
            assert await refusal(eve, mutation, **given) == ("NOT_FOUND", "projectId")
        for files in ({"../a": ""}, [], "x"):
            found = await refusal(scene.caller, "saveFragmentDraft", projectId=project, files=files)
            assert found == ("INVALID", "files")
