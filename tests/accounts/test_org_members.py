"""Members of organisations: invited, in, changed and gone, and what their roles let them do."""

from __future__ import annotations

import pytest

from models.permissions import ROLES, Permission, Role
from tests.harness.api import Api, Refused, Server, StartServer
from tests.harness.orgs import MEMBER, found, invite, join, member_of, token_of
from tests.harness.ownership import dump
from tests.harness.verbs import id_of

PROJECT = "{ project { id orgId name } }"
READ = "query($id: ID!) { project(id: $id) { id name orgId org { name } } }"


@pytest.fixture
async def still(start_server: StartServer) -> Server:
    """A server on which nothing happens by itself."""
    return await start_server(worker=False)


async def staff(server: Server, owner: Api, org: str) -> dict[Role, Api]:
    """A member of each role; the owner is among them."""
    members = {Role.OWNER: owner}
    for role in (Role.ADMIN, Role.EDITOR, Role.VIEWER, Role.BILLING):
        members[role] = server.user(f"{role}-of-{org[-6:]}")
        await join(server, owner, org, members[role], role.name)
    return members


async def test_an_invitation_is_accepted_once(still: Server) -> None:
    ada, eve, bob = still.user("ada"), still.user("eve"), still.user("bob")
    org = await found(ada)
    invited = await invite(ada, org, " Eve@Example.org ", "EDITOR")
    assert (invited["email"], invited["status"], invited["userId"]) == (
        "eve@example.org",
        "INVITED",
        None,
    )
    token = await token_of(still, invited["id"])
    made = (await eve.do("acceptInvitation", MEMBER, token=token))["orgMember"]
    assert (made["id"], made["userId"], made["role"]) == (
        invited["id"],
        await id_of(eve),
        "EDITOR",
    )
    assert (made["status"], made["email"], made["expiresAt"]) == ("ACTIVE", None, None)
    with pytest.raises(Refused) as refused:
        await bob.do("acceptInvitation", MEMBER, token=token)
    assert refused.value.code == "NOT_FOUND"


async def test_roles_decide_on_a_project(still: Server) -> None:
    ada = still.user("ada")
    org = await found(ada)
    made = await ada.do("createProject", PROJECT, name="Shop", framework="VUE", orgId=org)
    project = made["project"]["id"]
    assert made["project"]["orgId"] == org
    rename = 'mutation($id: ID!) { updateProject(input: {id: $id, name: "x"}) { project { id } } }'
    for role, member in (await staff(still, ada, org)).items():
        held = ROLES[role]
        shown = (await member.run(READ, id=project))["project"]
        assert (shown is not None) == (Permission.READ in held), role
        listed = await member.run("query($o: ID!) { projects(org: $o) { nodes { id } } }", o=org)
        assert bool(listed["projects"]["nodes"]) == (Permission.READ in held), role
        before = await dump(still)
        response = await member.ask(rename, id=project)
        if Permission.WRITE in held:
            assert "errors" not in response, role
            continue
        code = "FORBIDDEN" if Permission.READ in held else "NOT_FOUND"
        assert response["errors"][0]["extensions"]["code"] == code, role
        assert before == await dump(still)
    stranger = still.user("eve")
    assert (await stranger.run(READ, id=project))["project"] is None
    assert await stranger.code(rename, id=project) == "NOT_FOUND"


async def test_a_removed_member_is_refused_at_once_everywhere(start_server: StartServer) -> None:
    here, there = await start_server(worker=False), await start_server(worker=False)
    ada, eve = here.user("ada"), here.user("eve")
    org = await found(ada)
    made = await ada.do("createProject", PROJECT, name="Shop", framework="VUE", orgId=org)
    member = await join(here, ada, org, eve, "VIEWER")
    again = there.user("eve")
    assert (await again.run(READ, id=made["project"]["id"]))["project"]
    await ada.do("removeOrgMember", "{ removedMemberId }", id=member)
    assert (await again.run(READ, id=made["project"]["id"]))["project"] is None


async def test_the_last_owner_stays(still: Server) -> None:
    ada, eve = still.user("ada"), still.user("eve")
    org = await found(ada)
    own = await member_of(still, org, ada)
    for mutation, given in (
        ("leaveOrg", {"orgId": org}),
        ("updateOrgMember", {"id": own, "role": "ADMIN"}),
        ("removeOrgMember", {"id": own}),
    ):
        before = await dump(still)
        with pytest.raises(Refused) as refused:
            await ada.do(mutation, "{ __typename }", **given)
        assert refused.value.code == "CONFLICT"
        assert before == await dump(still)
    await join(still, ada, org, eve, "OWNER")
    await ada.do("leaveOrg", "{ removedMemberId }", orgId=org)
    shown = await eve.run("query($id: ID!) { org(id: $id) { ownerUserId } }", id=org)
    assert shown["org"]["ownerUserId"] == await id_of(eve)
