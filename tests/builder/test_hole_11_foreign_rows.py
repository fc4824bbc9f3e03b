"""Hole 11: files, attachments and imports were written to whatever ids a caller named."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.builder.importing import Place, importing, new_project
from tests.harness.api import Api, StartServer
from tests.harness.planting import plant_import
from tests.harness.refusals import refusal, unchanged
from tests.harness.uploading import send
from tests.harness.verbs import id_of

FILES = {"a.ts": "1"}
KIWI = b"fig-kiwi" + bytes(99)


@pytest.fixture
async def place(start_server: StartServer) -> AsyncIterator[Place]:
    async with importing(start_server, worker=False) as made:
        yield made


async def message_in(user: Api, project: str) -> str:
    to = {"projectId": project}
    made = await user.do("createMessage", "{ message { id } }", to=to, content="One")
    return made["message"]["id"]


async def fragment_of(user: Api, message: str) -> str:
    given = {"sandboxUrl": "about:blank", "title": "One", "framework": "VUE", "files": FILES}
    made = await user.do("upsertFragment", "{ fragment { id } }", messageId=message, **given)
    return made["fragment"]["id"]


async def others_of(place: Place) -> list[tuple[str, str]]:
    """A message and a fragment of a stranger's, and of another project of the user's own."""
    eve = place.server.user("eve")
    found: list[tuple[str, str]] = []
    for user in (eve, place.ada):
        message = await message_in(user, await new_project(user))
        found.append((message, await fragment_of(user, message)))
    return found


async def test_hole_11_an_import_names_a_message_of_its_project(place: Place) -> None:
    others = [message for message, _ in await others_of(place)]
    fig = await send(place.ada, KIWI, "application/x-figma", fileName="a.fig")
    mutations: dict[str, dict[str, Any]] = {
        "importGithubRepository": {"repository": "octocat/hello"},
        "importFigmaFile": {"file": "abcDEF123456"},
        "importFigmaUpload": {"fileId": fig["id"]},
    }
    for mutation, given in mutations.items():
        for message in [*others, "msg_00000000000000000000000000"]:
            told = given | {"projectId": place.project, "messageId": message}
            async with unchanged(place.server):
                assert await refusal(place.ada, mutation, **told) == ("NOT_FOUND", "messageId")
    message = await message_in(place.ada, place.project)
    assert (await place.github_import(messageId=message))["messageId"] == message


async def test_hole_11_an_import_goes_into_a_project_of_the_viewers(place: Place) -> None:
    eve = place.server.user("eve")
    given = {"projectId": await new_project(eve), "repository": "octocat/hello"}
    async with unchanged(place.server):
        found = await refusal(place.ada, "importGithubRepository", **given)
    assert found == ("NOT_FOUND", "projectId")
    folder = await place.ada.do("createFolder", "{ project { id } }", name="F")
    given["projectId"] = folder["project"]["id"]
    assert (await refusal(place.ada, "importGithubRepository", **given))[0] == "CONFLICT"


async def test_hole_11_an_attachment_names_no_import(place: Place) -> None:
    """There is no such input: only an import itself says what came with it."""
    fields = '{ __type(name: "AddAttachmentInput") { inputFields { name } } }'
    inputs = (await place.ada.run(fields))["__type"]["inputFields"]
    assert "url" in {one["name"] for one in inputs}
    assert not [one["name"] for one in inputs if "import" in one["name"].lower()]
    eve = place.server.user("eve")
    theirs = await new_project(eve)
    foreign = await plant_import(
        place.server, await id_of(eve), theirs, await message_in(eve, theirs)
    )
    message = await message_in(place.ada, place.project)
    given = {"messageId": message, "url": "https://files.example/a.png", "size": 9}
    async with unchanged(place.server):
        found = await refusal(place.ada, "addAttachment", **given, importId=foreign)
    assert found == ("INVALID", "importId")
    others = [message for message, _ in await others_of(place)]
    given["messageId"] = others[0]
    async with unchanged(place.server):
        assert await refusal(place.ada, "addAttachment", **given) == ("NOT_FOUND", "messageId")


async def test_hole_11_files_are_saved_with_what_is_the_projects_own(place: Place) -> None:
    for message, fragment in await others_of(place):
        for field, id in (("messageId", message), ("fragmentId", fragment)):
            given = {"projectId": place.project, "files": {"a.ts": "2"}, field: id}
            async with unchanged(place.server):
                assert await refusal(place.ada, "saveFiles", **given) == ("NOT_FOUND", field)


async def test_hole_11_saving_files_overwrites_none(place: Place) -> None:
    message = await message_in(place.ada, place.project)
    fragment = await fragment_of(place.ada, message)
    given = {"projectId": place.project, "messageId": message, "fragmentId": fragment}
    ids: set[str] = set()
    for text in ("2", "3"):
        saved = await place.ada.do(
            "saveFiles", "{ fileSnapshot { id } }", files={"a.ts": text}, **given
        )
        ids.add(saved["fileSnapshot"]["id"])
    assert len(ids) == 2
    (row,) = await place.server.sql("SELECT files FROM fragment WHERE id = $1", fragment)
    assert row["files"] == FILES
