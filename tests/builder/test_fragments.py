"""Fragments: one per message, with safe paths, laid over the newest files by an answer."""

from __future__ import annotations

import pytest

from models.builder.files import MOST_FILES
from tests.harness.api import Server, StartServer
from tests.harness.eventually import eventually
from tests.harness.mutations import FILES, Scene
from tests.harness.refusals import refusal, unchanged
from tests.harness.verbs import id_of

BODY = {
    "sandboxUrl": "https://box.example",
    "title": "One",
    "files": FILES,
    "framework": "VUE",
    "metadata": {"a": 1},
}
FIELDS = "{ fragment { id title files framework sandboxUrl metadata } }"
READ = """query($id: ID!) { message(id: $id) {
  id outcome fragment { id title files framework metadata } } }"""
BAD_PATHS = [
    "", "/etc/passwd", "../secret", "a/../b", "a//b", "./a", "a/.", "C:/a", "a\\b", "a\tb",
    "a\x7fb", "a/", "x" * 401,
]  # fmt: skip


@pytest.fixture
async def scene(start_server: StartServer) -> Scene:
    """A user on a server on which nothing happens by itself."""
    server = await start_server(worker=False)
    return Scene(server, server.user())


async def test_a_message_has_one_fragment(scene: Scene) -> None:
    """createFragment: upsert, one fragment per message."""
    message = await scene.message()
    first = (await scene.caller.do("upsertFragment", FIELDS, messageId=message, **BODY))["fragment"]
    assert {key: value for key, value in first.items() if key != "id"} == BODY
    other = BODY | {"title": "Two", "files": {"x.txt": ""}, "metadata": None}
    second = (await scene.caller.do("upsertFragment", FIELDS, messageId=message, **other))[
        "fragment"
    ]
    assert second == other | {"id": first["id"]}, "what was there is replaced"
    found = (await scene.caller.run(READ, id=message))["message"]["fragment"]
    assert (found["id"], found["files"]) == (first["id"], {"x.txt": ""})
    found = await scene.caller.run(
        "query($id: ID!) { fragment(id: $id) { title message { id } } }", id=first["id"]
    )
    assert found["fragment"] == {"title": "Two", "message": {"id": message}}


async def test_files_that_lead_outside_are_refused(scene: Scene) -> None:
    message = await scene.message()
    async with unchanged(scene.server):
        for path in BAD_PATHS:
            given = BODY | {"messageId": message, "files": {"fine.ts": "", path: "x"}}
            assert await refusal(scene.caller, "upsertFragment", **given) == ("INVALID", "files")
        for files in ([], "x", 1, None, {f"{n}": "" for n in range(1_001)}):
            given = BODY | {"messageId": message, "files": files}
            assert (await refusal(scene.caller, "upsertFragment", **given))[0] == "INVALID"
        for field, value in (("framework", "Vue"), ("title", ""), ("sandboxUrl", "x" * 2_001)):
            given = BODY | {"messageId": message, field: value}
            assert (await refusal(scene.caller, "upsertFragment", **given))[0] == "INVALID"


async def test_only_the_owner_reaches_a_fragment(scene: Scene) -> None:
    """getFragmentById has no check at all upstream (hole 10)."""
    message = await scene.message()
    made = await scene.caller.do("upsertFragment", FIELDS, messageId=message, **BODY)
    eve = scene.server.user("eve")
    await id_of(eve)
    read = "query($id: ID!) { fragment(id: $id) { id } node(id: $id) { id } }"
    for caller in (eve, scene.server.nobody()):
        assert await caller.run(read, id=made["fragment"]["id"]) == {
            "fragment": None,
            "node": None,
        }
    async with unchanged(scene.server):
        found = await refusal(eve, "upsertFragment", messageId=message, **BODY)
        assert found == ("NOT_FOUND", "messageId")


async def answer(server: Server, scene: Scene, project: str, files: dict[str, str]) -> dict:
    """The finished message of an answer with these files as code fences."""
    fences = "\n".join(f"```ts {path}\n{text}\n```" for path, text in files.items())
    sent = await scene.caller.do(
        "sendMessage",
        "{ reply { id } agentRun { id } }",
        to={"projectId": project},
        content=f"[[echo:Here you are.\n{fences}\nDone.]]",
    )
    done = "SELECT id FROM message WHERE id = $1 AND status = 'COMPLETE'"
    await eventually(lambda: server.sql(done, sent["reply"]["id"]))
    found = (await scene.caller.run(READ, id=sent["reply"]["id"]))["message"]
    run = (
        await scene.caller.run(
            "query($id: ID!) { node(id: $id) { ... on AgentRun { status fragmentId } } }",
            id=sent["agentRun"]["id"],
        )
    )["node"]
    return found | {"run": run}


async def test_an_answers_files_are_laid_over_the_newest_fragments(server: Server) -> None:
    """design: the final transaction upserts the Fragment, laid over the newest fragment's files."""
    scene = Scene(server, server.user())
    project = await scene.project()
    first = await answer(server, scene, project, {"a.ts": "1", "b/c.ts": "2"})
    assert first["fragment"]["files"] == {"a.ts": "1\n", "b/c.ts": "2\n"}
    assert first["fragment"]["framework"] == "VUE"
    assert first["fragment"]["metadata"] == {"source": "INNGEST", "model": "mock:raypx-1"}
    assert first["run"] == {"status": "COMPLETED", "fragmentId": first["fragment"]["id"]}
    second = await answer(server, scene, project, {"a.ts": "new"})
    assert second["fragment"]["files"] == {"a.ts": "new\n", "b/c.ts": "2\n"}
    third = await answer(server, scene, project, {})
    assert third["fragment"] is None, "an answer without files makes none"
    assert third["run"] == {"status": "COMPLETED", "fragmentId": None}


async def test_a_full_project_takes_changed_files_but_no_new_ones(server: Server) -> None:
    scene = Scene(server, server.user())
    project = await scene.project()
    made = await answer(server, scene, project, {"0.ts": "old"})
    full = {f"{number}.ts": "" for number in range(MOST_FILES)}
    await scene.caller.do("upsertFragment", FIELDS, messageId=made["id"], **BODY | {"files": full})
    found = await answer(server, scene, project, {"0.ts": "new", "more.ts": "x"})
    assert (found["outcome"], found["run"]["status"]) == ("SUCCEEDED", "COMPLETED")
    assert found["fragment"]["files"] == full | {"0.ts": "new\n"}
