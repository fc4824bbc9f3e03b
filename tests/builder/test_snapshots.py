"""File snapshots: a history that nothing overwrites."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.harness.api import Api, StartServer
from tests.harness.clock import FakeClock
from tests.harness.mutations import FILES, Scene
from tests.harness.refusals import refusal, unchanged

READ = """query($id: ID!) { project(id: $id) { latestFiles { id files }
  fileHistory { nodes { id files framework restoredFrom messageId fragmentId } } } }"""
FRAGMENT = {"sandboxUrl": "https://box.example", "title": "One", "files": FILES, "framework": "VUE"}


@pytest.fixture
async def scene(start_server: StartServer) -> Scene:
    """A user on a server whose clock goes on by a second with each look."""
    server = await start_server(worker=False, clock=FakeClock(tick=timedelta(seconds=1)))
    return Scene(server, server.user())


async def save(caller: Api, project: str, **given: object) -> str:
    """A new snapshot's id."""
    values = {"files": FILES} | given
    made = await caller.do("saveFiles", "{ fileSnapshot { id } }", projectId=project, **values)
    return made["fileSnapshot"]["id"]


async def parts(scene: Scene) -> tuple[str, str, str]:
    """A project with a message and its fragment: their ids."""
    message = await scene.message()
    made = await scene.caller.do(
        "upsertFragment", "{ fragment { id message { projectId } } }", messageId=message, **FRAGMENT
    )
    fragment = made["fragment"]
    return fragment["message"]["projectId"], message, fragment["id"]


async def test_the_newest_snapshot_is_the_latest_files(scene: Scene) -> None:
    project, message, fragment = await parts(scene)
    first = await save(scene.caller, project, messageId=message)
    second = await save(
        scene.caller, project, files={}, framework="REACT", fragmentId=fragment, messageId=message
    )
    third = await save(scene.caller, project, messageId=message)
    found = (await scene.caller.run(READ, id=project))["project"]
    assert found["latestFiles"] == {"id": third, "files": FILES}
    assert [one["id"] for one in found["fileHistory"]["nodes"]] == [third, second, first], (
        "upstream overwrites by messageId; here the history stays"
    )
    assert found["fileHistory"]["nodes"][1] == {
        "id": second, "files": {}, "framework": "REACT", "restoredFrom": None,
        "messageId": message, "fragmentId": fragment,
    }  # fmt: skip


async def test_restoring_makes_a_new_row(scene: Scene) -> None:
    project, message, fragment = await parts(scene)
    old = await save(scene.caller, project, messageId=message, fragmentId=fragment)
    await save(scene.caller, project, files={"other.txt": ""})
    made = await scene.caller.do("restoreFileSnapshot", "{ fileSnapshot { id } }", id=old)
    found = (await scene.caller.run(READ, id=project))["project"]
    assert found["latestFiles"] == {"id": made["fileSnapshot"]["id"], "files": FILES}
    newest, _, first = found["fileHistory"]["nodes"]
    assert newest.pop("restoredFrom") == old
    assert (newest.pop("id"), first.pop("restoredFrom"), first.pop("id")) == (
        made["fileSnapshot"]["id"], None, old
    )  # fmt: skip
    assert newest == first


async def test_foreign_messages_and_fragments_are_refused(scene: Scene) -> None:
    """Hole 11: saveFiles overwrites without checking that they belong to the project."""
    project, _, _ = await parts(scene)
    _, other_message, other_fragment = await parts(scene)  # the same user's other project
    eve = Scene(scene.server, scene.server.user("eve"))
    own, her_message, her_fragment = await parts(eve)
    hers = await save(eve.caller, own)
    async with unchanged(scene.server):
        for message in (other_message, her_message, "msg_01h455vb4pex5vsknk084sn02q", "x"):
            found = await refusal(
                scene.caller, "saveFiles", projectId=project, files=FILES, messageId=message
            )
            assert found == ("NOT_FOUND", "messageId")
        for fragment in (other_fragment, her_fragment, her_message):
            found = await refusal(
                scene.caller, "saveFiles", projectId=project, files=FILES, fragmentId=fragment
            )
            assert found == ("NOT_FOUND", "fragmentId")
        found = await refusal(scene.caller, "saveFiles", projectId=own, files=FILES)
        assert found == ("NOT_FOUND", "projectId")
        assert await refusal(scene.caller, "restoreFileSnapshot", id=hers) == ("NOT_FOUND", "id")
        for files in ({"/a": ""}, ["a"], None):
            code, _ = await refusal(scene.caller, "saveFiles", projectId=project, files=files)
            assert code == "INVALID"
