"""Organisations: founded, renamed, handed on and deleted with all they own."""

from __future__ import annotations

from typing import Any

import pytest

from models.permissions import Role
from tests.harness.api import Api, Refused, Server, StartServer
from tests.harness.clock import FakeClock
from tests.harness.eventually import eventually
from tests.harness.orgs import found, join, member_of
from tests.harness.ownership import dump, make_world
from tests.harness.planting import make_operator
from tests.harness.planting_orgs import plant_member
from tests.harness.verbs import id_of

ORG = "{ org { id name slug ownerUserId plan limits } }"
BY_SLUG = "query($s: String!) { orgBySlug(slug: $s) { id } }"


@pytest.fixture
async def still(start_server: StartServer) -> Server:
    """A server on which nothing happens by itself."""
    return await start_server(worker=False)


async def test_who_founds_it_owns_it(still: Server) -> None:
    ada = still.user("ada")
    made = (await ada.do("createOrg", ORG, name="Ada's Orchard & Söhne"))["org"]
    assert made["slug"] == "ada-s-orchard-sohne"
    assert (made["ownerUserId"], made["plan"], made["limits"]) == (await id_of(ada), "free", {})
    shown = await ada.run("{ orgMemberships { nodes { role status org { id } person { name } } } }")
    assert shown["orgMemberships"]["nodes"] == [
        {"role": "OWNER", "status": "ACTIVE", "org": {"id": made["id"]}, "person": {"name": "Ada"}}
    ]
    again = (await ada.do("createOrg", ORG, name="Ada's Orchard & Söhne"))["org"]
    assert again["slug"].startswith("ada-s-orchard-sohne-")
    for name in ("Admin", "果樹園", "a"):
        other = (await ada.do("createOrg", ORG, name=name))["org"]
        assert len(other["slug"]) > 8
        assert (await ada.run(BY_SLUG, s=other["slug"]))["orgBySlug"] == {"id": other["id"]}


@pytest.mark.parametrize(
    "slug",
    ["", "ab", "a" * 51, "Orchard", "-ab", "ab-", "a--b", "a b", "a_b", "bäume", "abc\n", "admin"],
)
async def test_what_is_no_slug(still: Server, slug: str) -> None:
    ada = still.user("ada")
    org = await found(ada, slug="fine-1")
    before = await dump(still)
    for mutation, given in (
        ("createOrg", {"name": "x", "slug": slug}),
        ("updateOrg", {"id": org, "slug": slug}),
    ):
        with pytest.raises(Refused) as refused:
            await ada.do(mutation, ORG, **given)
        assert refused.value.errors[0]["extensions"] == {"code": "INVALID", "field": "slug"}
    assert before == await dump(still)


async def test_a_slug_is_free_again_once_its_organisation_is_gone(still: Server) -> None:
    ada, eve = still.user("ada"), still.user("eve")
    org = await found(ada, slug="orchard")
    with pytest.raises(Refused) as refused:
        await found(eve, slug="orchard")
    assert refused.value.errors[0]["extensions"] == {"code": "CONFLICT", "field": "slug"}
    await ada.do("deleteOrg", "{ deletedOrgId }", id=org)
    new = await found(eve, slug="orchard")
    assert (await eve.run(BY_SLUG, s="orchard"))["orgBySlug"] == {"id": new}
    assert (await ada.run(BY_SLUG, s="orchard"))["orgBySlug"] is None


async def test_handing_it_on(still: Server) -> None:
    ada, eve = still.user("ada"), still.user("eve")
    org = await found(ada)
    member = await join(still, ada, org, eve, "EDITOR")
    made = (await ada.do("transferOrg", ORG, memberId=member))["org"]
    assert made["ownerUserId"] == await id_of(eve)
    roles = await still.sql("SELECT user_id, role FROM org_member WHERE org_id = $1", org)
    assert {row["user_id"]: row["role"] for row in roles} == {
        await id_of(ada): "admin",
        await id_of(eve): "owner",
    }
    with pytest.raises(Refused) as refused:
        await ada.do("transferOrg", ORG, memberId=await member_of(still, org, ada))
    assert refused.value.code == "FORBIDDEN"


@pytest.mark.parametrize("limits", [[], 1, {"members": -1}, {"members": "5"}, {"members": 1.5}])
async def test_limits_are_whole_numbers(still: Server, limits: Any) -> None:
    olga = still.user("olga")
    await make_operator(still, olga)
    org = await found(olga)
    with pytest.raises(Refused) as refused:
        await olga.do("setOrgPlan", ORG, id=org, plan="pro", limits=limits)
    assert refused.value.errors[0]["extensions"] == {"code": "INVALID", "field": "limits"}


async def test_a_deleted_organisation_hides_all_at_once(still: Server) -> None:
    ada, eve = still.user("ada"), still.user("eve")
    world = await make_world(still, ada, in_org=True)
    await plant_member(still, world["org"], await id_of(eve), Role.EDITOR)
    showcase = "{ showcaseProjects { nodes { id } } }"
    assert (await still.nobody().run(showcase))["showcaseProjects"]["nodes"]
    await ada.do("deleteOrg", "{ deletedOrgId }", id=world["org"])
    assert (await still.nobody().run(showcase))["showcaseProjects"]["nodes"] == []
    mine = {"user", "org slug", "api token", "to accept", "to decline", "grant"}
    mine |= {"session", "other session", "account", "other account"}
    mine |= {"preferences", "user key", "file", "avatar"}
    ids = [id for name, id in world.ids.items() if name not in mine and id != world["user"]]
    for user in (ada, eve):
        query = "query($ids: [ID!]!) { nodes(ids: $ids) { id } }"
        assert not any((await user.run(query, ids=ids))["nodes"])


async def test_a_deleted_organisation_is_emptied_after_its_retention(
    start_server: StartServer,
) -> None:
    clock = FakeClock()
    server = await start_server(clock=clock, lease=0.3)
    ada = server.user("ada")
    world = await make_world(server, ada, in_org=True)
    own = await make_world(server, ada)
    to = {"conversationId": world["loose"]}
    await ada.do("createMessage", "{ message { id } }", to=to, content="secret words")
    await ada.do("deleteOrg", "{ deletedOrgId }", id=world["org"])
    clock.advance(days=29)
    assert await server.sql("SELECT id FROM message WHERE content = 'secret words'")
    clock.advance(days=2)

    async def emptied() -> Any:
        left = "SELECT id FROM deletion_job WHERE state <> 'complete'"
        done = "SELECT id FROM deletion_job WHERE root_id = $1"
        return await server.sql(done, world["loose"]) and not await server.sql(left)

    await eventually(emptied, 20)
    for table in ("message", "attachment", "fragment", "generation", "agent_run", "org_member"):
        rows = await server.sql(f"SELECT id FROM {table} WHERE owner_id = $1", world["org"])
        assert rows == [], table
    (org,) = await server.sql("SELECT name, limits FROM org WHERE id = $1", world["org"])
    assert org == {"name": "Deleted", "limits": {}}
    assert await server.sql("SELECT id FROM audit_log WHERE owner_id = $1", world["org"])
    assert await server.sql("SELECT id FROM message WHERE id = $1", own["message"])


@pytest.mark.parametrize("end", ["deleteOrg", "deleteMe"])
async def test_what_is_being_written_stops(start_server: StartServer, end: str) -> None:
    """One that runs and one that waits for a worker; those of another owner go on."""
    server = await start_server(worker_slots=1)
    ada, eve = server.user("ada"), server.user("eve")
    org = await found(ada) if end == "deleteOrg" else None
    started = [
        await _begin_answer(user, orgId=whose)
        for user, whose in ((ada, org), (ada, org), (eve, None))
    ]
    running = "SELECT id FROM message WHERE id = $1 AND status = 'STREAMING'"
    await eventually(lambda: server.sql(running, started[0]))
    if org is not None:
        await ada.do("deleteOrg", "{ deletedOrgId }", id=org)
    else:
        await ada.do("deleteMe", "{ deletedUserId }")
    told = "SELECT status, outcome FROM message WHERE id = ANY ($1)"
    assert (
        await server.sql(told, started[:2]) == [{"status": "COMPLETE", "outcome": "CANCELED"}] * 2
    )
    assert await server.sql(told, started[2:]) != [{"status": "COMPLETE", "outcome": "CANCELED"}]


async def _begin_answer(user: Api, **given: Any) -> str:
    """A long answer's id, in a project of its own."""
    made = await user.do("createProject", "{ project { id } }", name="x", framework="VUE", **given)
    to = {"projectId": made["project"]["id"]}
    sent = await user.do(
        "sendMessage", "{ reply { id } }", to=to, content="[[tokens:2000]] [[delay:20ms]]"
    )
    return sent["reply"]["id"]
