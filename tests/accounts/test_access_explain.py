"""`accessExplain`: it says why, agrees with what really is read, and tells no stranger anything."""

from __future__ import annotations

from typing import Any

import pytest

from models.permissions import Role
from tests.harness.api import Api, Server, StartServer
from tests.harness.ownership import NODES, make_world
from tests.harness.planting import make_operator
from tests.harness.planting_orgs import plant_member
from tests.harness.verbs import id_of

EXPLAIN = """query($id: ID!, $user: ID) { accessExplain(id: $id, userId: $user) {
  readable says steps { rowId rule belongsTo passes says } } }"""


@pytest.fixture
async def still(start_server: StartServer) -> Server:
    """A server on which nothing happens by itself."""
    return await start_server(worker=False)


async def explain(who: Api, id: str, **given: Any) -> Any:
    """What is said of a row."""
    return (await who.run(EXPLAIN, id=id, **given))["accessExplain"]


async def test_it_agrees_with_what_is_read(still: Server) -> None:
    ada, olga = still.user("ada"), still.user("olga")
    await make_operator(still, olga)
    world = await make_world(still, ada, in_org=True)
    viewers = {"ada": ada, "olga": olga, "eve": still.user("eve"), "nobody": still.nobody()}
    for role in Role:
        viewers[role] = still.user(f"a-{role}")
        await plant_member(still, world["org"], await id_of(viewers[role]), role)
    told = 0
    for name, viewer in viewers.items():
        for kind, row in NODES.items():
            said = await explain(viewer, world[row])
            shown = (await viewer.run("query($i: ID!) { node(id: $i) { id } }", i=world[row]))[
                "node"
            ]
            assert said["readable"] == (shown is not None), (name, kind, said)
            assert said["readable"] == all(step["passes"] for step in said["steps"]), (name, said)
            told += said["readable"]
            if name != "nobody":
                as_other = await explain(ada, world[row], user=await id_of(viewer))
                assert as_other == said
    assert 50 < told < 170


async def test_what_it_says(still: Server) -> None:
    ada, eve = still.user("ada"), still.user("eve")
    world = await make_world(still, ada, in_org=True)
    org = world["org"]
    await plant_member(still, org, await id_of(eve), Role.BILLING)
    said = await explain(eve, world["message"])
    assert [(step["rule"], step["belongsTo"], step["passes"]) for step in said["steps"]] == [
        ("part of conversation", None, True),
        ("owned", org, False),
        ("within", None, True),
    ]
    assert said["steps"][1]["says"] == (
        f"Conversation needs READ on {org}; the viewer is billing there."
    )
    await ada.do("deleteProject", "{ deletedProjectId }", id=world["project"])
    said = await explain(ada, world["message"])
    assert said["steps"][-1]["says"] == "It lies in a Project, which is deleted."
    assert (await explain(ada, world["project"]))["steps"][0]["says"] == "Project is deleted."
    assert (await explain(ada, "msg_" + "0" * 26))["says"] == "There is no such row."
    assert (await explain(ada, "nonsense"))["says"] == "No table has such ids."
    assert (await explain(still.nobody(), org))["steps"][0]["says"].endswith("nobody is signed in.")


async def test_in_production_it_is_for_operators(start_server: StartServer) -> None:
    dev = await start_server(worker=False)
    ada, olga = dev.user("ada"), dev.user("olga")
    await make_operator(dev, olga)
    made = [
        await user.do("createApiToken", "{ token }", name="x", scopes=["READ"])
        for user in (ada, olga)
    ]
    server = await start_server(worker=False, dev=False)
    for token in made:
        script = Api(server.session, server.url, token["token"])
        assert await script.code(EXPLAIN, id=await id_of(script)) == "FORBIDDEN"
    guest = await server.nobody().do("createGuest", "{ user { id } token }")
    viewer = Api(server.session, server.url, guest["token"])
    assert await viewer.code(EXPLAIN, id=guest["user"]["id"]) == "FORBIDDEN"
    assert await server.nobody().code(EXPLAIN, id=guest["user"]["id"]) == "FORBIDDEN"
    await server.sql("UPDATE user_account SET operator = true WHERE id = $1", guest["user"]["id"])
    assert (await explain(viewer, await id_of(ada)))["readable"] is False
