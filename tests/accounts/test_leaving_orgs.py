"""What becomes of organisations whose owner deletes their account, or whose provider does."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from models.permissions import Role
from tests.accounts.test_identity_webhook import SECRET, tell
from tests.harness.api import Api, Refused, Server, StartServer
from tests.harness.orgs import found, invite, join
from tests.harness.planting_orgs import plant_member
from tests.harness.verbs import id_of

ROUNDS = 15
ORG = "query($id: ID!) { org(id: $id) { ownerUserId members { nodes { userId role } } } }"


@pytest.fixture
async def server(start_server: StartServer) -> Server:
    return await start_server(worker=False, identity_webhook_secret=SECRET)


async def delete_me(user: Api) -> str:
    """`ok`, or the code of the refusal."""
    response = await user.ask("mutation { deleteMe(input: {}) { deletedUserId } }")
    return response["errors"][0]["extensions"]["code"] if response.get("errors") else "ok"


async def told_gone(server: Server, subject: str) -> None:
    """The identity provider says that a user is gone."""
    data = {"type": "user.deleted", "data": {"id": subject}}
    assert await tell(server, f"gone-{subject}", **data) == 204


async def members_of(server: Server, org: str) -> dict[str, str]:
    """The role of each member."""
    query = "SELECT user_id, role FROM org_member WHERE org_id = $1 AND status = 'active'"
    return {row["user_id"]: row["role"] for row in await server.sql(query, org)}


async def is_deleted(server: Server, org: str) -> bool:
    (row,) = await server.sql("SELECT deleted_at FROM org WHERE id = $1", org)
    return row["deleted_at"] is not None


async def test_a_last_owner_settles_it_first(server: Server) -> None:
    ada, bob, eve = server.user("ada"), server.user("bob"), server.user("eve")
    orchard, garden, alone = [await found(ada, name) for name in ("Orchard", "Garden", "Alone")]
    await join(server, ada, orchard, bob, "ADMIN")
    await join(server, ada, garden, eve, "BILLING")
    await invite(ada, alone, "bob@example.org", "EDITOR")
    with pytest.raises(Refused) as refused:
        await ada.do("deleteMe", "{ deletedUserId }")
    (error,) = refused.value.errors
    assert error["extensions"]["code"] == "CONFLICT"
    assert "Orchard" in error["message"]
    assert "Garden" in error["message"]
    assert "Alone" not in error["message"]
    assert (await ada.run("{ me { name } }"))["me"]["name"] == "Ada", "nothing was done"
    assert not await is_deleted(server, alone)

    nodes = await ada.run(
        "query($id: ID!) { org(id: $id) { members { nodes { id role } } } }", id=orchard
    )
    (admin,) = [n["id"] for n in nodes["org"]["members"]["nodes"] if n["role"] == "ADMIN"]
    await ada.do("transferOrg", "{ org { id } }", memberId=admin)
    await ada.do("deleteOrg", "{ deletedOrgId }", id=garden)
    assert await delete_me(ada) == "ok"
    assert (await bob.run(ORG, id=orchard))["org"] == {
        "ownerUserId": await id_of(bob),
        "members": {"nodes": [{"userId": await id_of(bob), "role": "OWNER"}]},
    }
    assert await is_deleted(server, alone), "nobody else is in it"


async def test_the_refusal_names_a_few_of_many(server: Server) -> None:
    ada, bob = server.user("ada"), server.user("bob")
    for number in range(7):
        org = await found(ada, f"Orchard {number}")
        await plant_member(server, org, await id_of(bob), Role.VIEWER)
    with pytest.raises(Refused) as refused:
        await ada.do("deleteMe", "{ deletedUserId }")
    message: str = refused.value.errors[0]["message"]
    assert message.count("Orchard") == 5
    assert "and 2 more" in message


async def test_another_owner_goes_on(server: Server) -> None:
    ada, bob = server.user("ada"), server.user("bob")
    org = await found(ada)
    await join(server, ada, org, bob, "OWNER")
    assert await delete_me(ada) == "ok"
    bob_id = await id_of(bob)
    assert await members_of(server, org) == {bob_id: "owner"}
    assert (await bob.run(ORG, id=org))["org"]["ownerUserId"] == bob_id


@pytest.mark.parametrize(
    ("roles", "heir"),
    [
        (["viewer", "admin", "editor"], 1),
        (["billing", "viewer", "editor", "editor"], 2),
        (["billing", "viewer"], 1),
        (["billing", "billing"], 0),
        (["admin", "owner"], 1),
    ],
)
async def test_where_nobody_can_be_asked_the_next_in_rank_inherits(
    server: Server, roles: list[str], heir: int
) -> None:
    ada = server.user("ada")
    org = await found(ada)
    users = [await id_of(server.user(f"user-{number}")) for number in range(len(roles))]
    for user, role in zip(users, roles, strict=True):
        await plant_member(server, org, user, Role(role))
    await told_gone(server, "ada")
    left = await members_of(server, org)
    assert left == dict(zip(users, roles, strict=True)) | {users[heir]: "owner"}
    api = server.user(f"user-{heir}")
    assert (await api.run(ORG, id=org))["org"]["ownerUserId"] == users[heir]
    log = "query($id: ID!) { auditLogs(org: $id, last: 2) { nodes { action userId metadata } } }"
    told = (await api.run(log, id=org))["auditLogs"]["nodes"]
    actions = {
        one["action"]
        for one in (await api.run(log.replace("last", "first"), id=org))["auditLogs"]["nodes"]
    }
    assert "MEMBER_LEFT" in actions
    assert ("MEMBER_CHANGED" in actions) == (roles[heir] != "owner")
    assert told


async def test_where_nobody_can_be_asked_what_nobody_else_is_in_is_deleted(server: Server) -> None:
    ada = server.user("ada")
    org = await found(ada)
    await invite(ada, org, "eve@example.org", "ADMIN")
    await told_gone(server, "ada")
    assert await is_deleted(server, org)
    assert await members_of(server, org) == {}


@pytest.mark.parametrize("others", [0, 1])
async def test_two_last_owners_at_once(start_server: StartServer, others: int) -> None:
    here, there = await start_server(worker=False), await start_server(worker=False)
    for number in range(ROUNDS):
        ada, bob = here.user(f"ada-{number}"), there.user(f"bob-{number}")
        org = await found(ada)
        await plant_member(here, org, await id_of(bob), Role.OWNER)
        if others:
            await plant_member(here, org, await id_of(here.user("eve")), Role.VIEWER)
        went = sorted(await asyncio.gather(delete_me(ada), delete_me(bob)))
        if others:
            assert went == ["CONFLICT", "ok"]
            assert sorted((await members_of(here, org)).values()) == ["owner", "viewer"]
            assert not await is_deleted(here, org)
        else:
            assert went == ["ok", "ok"]
            assert await members_of(here, org) == {}
            assert await is_deleted(here, org)


async def test_a_newcomer_and_the_last_owner_at_once(start_server: StartServer) -> None:
    """Either there is a new member, and the owner stays, or nothing to join any more."""
    here, there = await start_server(worker=False), await start_server(worker=False)
    for number in range(ROUNDS):
        ada, bob = here.user(f"ada-{number}"), there.user("bob")
        await id_of(bob)
        org = await found(ada)
        went = await asyncio.gather(delete_me(ada), _join(here, ada, org, bob))
        if went[0] == "ok":
            assert await is_deleted(here, org)
        else:
            assert went == ["CONFLICT", "ok"]
            assert sorted((await members_of(here, org)).values()) == ["editor", "owner"]


async def _join(server: Server, ada: Api, org: str, bob: Api) -> str:
    try:
        await join(server, ada, org, bob, "EDITOR")
    except Refused as refused:
        return refused.code
    return "ok"


async def test_invitations_to_a_proven_address_go_with_it(server: Server) -> None:
    ada, eve = server.user("ada"), server.user("eve")
    org = await found(eve)
    await invite(eve, org, "ada@example.com", "EDITOR")
    await server.sql("UPDATE user_account SET email = 'ada@example.com' WHERE clerk_id = 'eve'")
    other = server.user("other")
    claim = "UPDATE user_account SET email = $2, email_verified = $3 WHERE id = $1"
    await server.sql("UPDATE user_account SET email = NULL")
    await server.sql(claim, await id_of(other), "ada@example.com", False)
    assert await delete_me(other) == "ok"
    count: Any = "SELECT count(*) AS n FROM org_member WHERE email = 'ada@example.com'"
    assert await server.sql(count) == [{"n": 1}], "who only claims it has no say"
    await server.sql(claim, await id_of(ada), "ada@example.com", True)
    assert await delete_me(ada) == "ok"
    assert await server.sql(count) == [{"n": 0}]
