"""Projects: operations.md section 1, "Projects", with the holes closed."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from tests.harness.api import Api, Server, StartServer
from tests.harness.clock import FakeClock
from tests.harness.refusals import refusal, unchanged
from tests.harness.verbs import id_of

IMAGE = {"url": "https://files.example/a.png", "size": 9}
SHOWCASE = "{ showcaseProjects { nodes { __typename id name framework description createdAt } } }"


@pytest.fixture
async def quiet(start_server: StartServer) -> Server:
    """A server on which nothing happens by itself; each look at its clock is a second later."""
    return await start_server(worker=False, clock=FakeClock(tick=timedelta(seconds=1)))


async def make(caller: Api, name: str = "One", **given: object) -> str:
    """A new project's id."""
    values = {"name": name, "framework": "VUE"} | given
    return (await caller.do("createProject", "{ project { id } }", **values))["project"]["id"]


async def test_a_new_project_is_the_viewers_with_a_conversation(quiet: Server) -> None:
    """create: owner = caller; both timestamps."""
    ada = quiet.user()
    made = await ada.do(
        "createProject",
        "{ project { userId name kind framework showcased description modelPreference createdAt "
        "updatedAt conversation { main title status } messages { nodes { id } } "
        "draft { id } latestFiles { id } } }",
        name="Tree house",
        framework="SVELTE",
    )
    project = made["project"]
    assert project.pop("createdAt") == project.pop("updatedAt")
    assert project == {
        "userId": await id_of(ada), "name": "Tree house", "kind": "APP", "framework": "SVELTE",
        "showcased": False, "description": None, "modelPreference": None,
        "conversation": {"main": True, "title": "Tree house", "status": "ACTIVE"},
        "messages": {"nodes": []}, "draft": None, "latestFiles": None,
    }  # fmt: skip


async def test_bad_projects_are_refused(quiet: Server) -> None:
    """Invalid enum values rejected ("React" is wrong, "REACT" right)."""
    ada = quiet.user()
    await id_of(ada)
    bad: list[tuple[str, object, str]] = [
        ("name", "", "name"),
        ("name", " \n", "name"),
        ("name", "x" * 201, "name"),
        ("name", "a\0b", "name"),
        ("framework", "React", "framework"),
        ("framework", None, "framework"),
        ("modelPreference", "nobody:none", "modelPreference"),
        ("description", "x" * 5_001, "description"),
    ]
    async with unchanged(quiet):
        for name, value, field in bad:
            given = {"name": "One", "framework": "REACT", name: value}
            assert await refusal(ada, "createProject", **given) == ("INVALID", field)


async def test_an_update_changes_what_it_names(quiet: Server) -> None:
    ada = quiet.user()
    project = await make(ada, description="Kept")
    fields = "{ project { name framework description modelPreference showcased } }"
    found = await ada.do(
        "updateProject", fields, id=project, framework="REACT", modelPreference="mock:slow"
    )
    assert found["project"] == {
        "name": "One", "framework": "REACT", "description": "Kept",
        "modelPreference": "mock:slow", "showcased": False,
    }  # fmt: skip
    found = await ada.do(
        "updateProject", fields, id=project, modelPreference=None, description=None
    )
    assert found["project"]["modelPreference"] is None
    assert found["project"]["description"] is None


async def test_what_a_project_must_have_is_never_null(quiet: Server) -> None:
    """Project.framework is required for APP."""
    ada = quiet.user()
    project = await make(ada)
    async with unchanged(quiet):
        for field in ("name", "framework", "showcased"):
            found = await refusal(ada, "updateProject", id=project, **{field: None})
            assert found == ("INVALID", field)


async def test_only_the_owner_changes_a_project(quiet: Server) -> None:
    ada, eve = quiet.user("ada"), quiet.user("eve")
    project = await make(ada)
    await id_of(eve)
    async with unchanged(quiet):
        assert (await refusal(eve, "updateProject", id=project, name="Mine"))[0] == "NOT_FOUND"
        assert (await refusal(eve, "deleteProject", id=project))[0] == "NOT_FOUND"
        nobody = quiet.nobody()
        assert (await refusal(nobody, "updateProject", id=project))[0] == "UNAUTHENTICATED"


async def test_projects_are_listed_newest_first(quiet: Server) -> None:
    """list: own projects newest first; signed-out gives []."""
    ada, eve = quiet.user("ada"), quiet.user("eve")
    for name in ("First", "Second", "Third"):
        await make(ada, name)
    await make(eve, "Hers")
    read = "{ projects { nodes { name } } }"
    found = await ada.run(read)
    assert [one["name"] for one in found["projects"]["nodes"]] == ["Third", "Second", "First"]
    assert (await quiet.nobody().run(read))["projects"]["nodes"] == []


async def test_the_preview_is_the_newest_image_of_the_latest_message(quiet: Server) -> None:
    """list: previewAttachment = newest IMAGE attachment of the latest message."""
    ada = quiet.user()
    project = await make(ada)
    read = "query($id: ID!) { project(id: $id) { previewAttachment { url } } }"

    async def preview() -> object:
        return (await ada.run(read, id=project))["project"]["previewAttachment"]

    async def say(*images: dict[str, object]) -> None:
        made = await ada.do(
            "createMessage", "{ message { id } }", to={"projectId": project}, content="Look"
        )
        for image in images:
            await ada.do(
                "addAttachment", "{ __typename }", messageId=made["message"]["id"], **image
            )

    assert await preview() is None
    await say({"url": "https://files.example/1.png", "size": 1},
              {"url": "https://files.example/2.png", "size": 1},
              {"url": "https://files.example/3.zip", "size": 1, "type": "FILE"})  # fmt: skip
    assert await preview() == {"url": "https://files.example/2.png"}
    await say()
    assert await preview() is None, "the latest message has none"


async def test_hole_10_a_showcase_is_opted_into_and_names_no_owner(quiet: Server) -> None:
    """Hole 10: listShowcase publishes every user's projects, with owner id, and no opt-in."""
    ada, nobody = quiet.user(), quiet.nobody()
    shown = await make(ada, "Shown", showcased=True, description="For all")
    hidden = await make(ada, "Hidden")
    (found,) = (await nobody.run(SHOWCASE))["showcaseProjects"]["nodes"]
    assert found.pop("createdAt")
    assert found == {
        "__typename": "ShowcaseProject", "id": shown, "name": "Shown", "framework": "VUE",
        "description": "For all",
    }  # fmt: skip
    for field in ("userId", "ownerId", "messages { nodes { id } }", "conversation { id }"):
        query = f"{{ showcaseProjects {{ nodes {{ {field} }} }} }}"
        assert await nobody.code(query) == "VALIDATION_FAILED"
    node = await nobody.run("query($id: ID!) { node(id: $id) { id } project(id: $id) { id } }",
                            id=shown)  # fmt: skip
    assert node == {"node": None, "project": None}, "the showcase opens nothing else"
    await ada.do("updateProject", "{ __typename }", id=hidden, showcased=True)
    names = [one["name"] for one in (await nobody.run(SHOWCASE))["showcaseProjects"]["nodes"]]
    assert names == ["Hidden", "Shown"], "newest first"
    await ada.do("updateProject", "{ __typename }", id=hidden, showcased=False)
    await ada.do("deleteProject", "{ __typename }", id=shown)
    assert (await nobody.run(SHOWCASE))["showcaseProjects"]["nodes"] == []


async def test_a_project_with_its_first_message_is_one_transaction(quiet: Server) -> None:
    """createWithMessageAndAttachments: name made up; framework NEXTJS; USER message, RESULT."""
    ada = quiet.user()
    made = await ada.do(
        "createProjectWithMessage",
        "{ project { name framework } message { role type status content attachments { type } } "
        "reply { role status model provider } agentRun { status value } }",
        content="Build it",
        attachments=[IMAGE],
    )
    assert re.fullmatch("[a-z]+-[a-z]+", made["project"]["name"])
    assert made["project"]["framework"] == "NEXTJS"
    assert made["message"] == {
        "role": "USER", "type": "RESULT", "status": "COMPLETE", "content": "Build it",
        "attachments": [{"type": "IMAGE"}],
    }  # fmt: skip
    assert made["reply"] == {
        "role": "ASSISTANT", "status": "PENDING", "model": "mock:raypx-1", "provider": "mock"
    }  # fmt: skip
    assert made["agentRun"] == {"status": "PENDING", "value": "Build it"}
    (log,) = await quiet.sql("SELECT changes FROM event_log ORDER BY position DESC LIMIT 1")
    added = sorted(one["id"][:3] for one in log["changes"] if one["op"] == "add")
    assert added == ["att", "cnv", "gen", "msg", "msg", "prj", "run"]
    async with unchanged(quiet):
        bad = {"url": "javascript:alert(1)", "size": 1}
        code, _ = await refusal(
            ada, "createProjectWithMessage", content="Build it", attachments=[IMAGE, bad]
        )
        assert code == "INVALID"
