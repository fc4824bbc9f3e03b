"""Two who act at once on an organisation's members, on two servers with their own connections."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from models.permissions import Role
from tests.harness.api import Api, Server, StartServer
from tests.harness.orgs import found, invite, token_of
from tests.harness.planting_orgs import plant_member
from tests.harness.verbs import id_of

ROUNDS = 25
Pair = tuple[Server, Server]


@pytest.fixture
async def pair(start_server: StartServer) -> Pair:
    """Two servers on one database."""
    return await start_server(worker=False), await start_server(worker=False)


def do(user: Api, mutation: str, **given: Any) -> Any:
    """The response of a mutation whose payload is of no interest."""
    name = mutation[0].upper() + mutation[1:]
    query = f"mutation($input: {name}Input!) {{ {mutation}(input: $input) {{ __typename }} }}"
    return user.ask(query, input=given)


def codes(*responses: Any) -> list[str]:
    """How each went: `ok`, or the code of its error."""
    return sorted(
        one["errors"][0]["extensions"]["code"] if one.get("errors") else "ok" for one in responses
    )


async def owners(server: Server, org: str) -> int:
    """How many owners there are."""
    query = "SELECT count(*) AS n FROM org_member WHERE org_id = $1 AND role = 'owner'"
    return (await server.sql(query, org))[0]["n"]


@pytest.mark.parametrize("way", ["leave", "demote", "remove", "mixed"])
async def test_of_two_last_owners_one_stays(pair: Pair, way: str) -> None:
    here, there = pair
    ada, bob = here.user("ada"), there.user("bob")
    ids = {"ada": await id_of(ada), "bob": await id_of(bob)}
    for number in range(ROUNDS):
        org = await found(ada)
        own = (await here.sql("SELECT id FROM org_member WHERE org_id = $1", org))[0]["id"]
        others = await plant_member(here, org, ids["bob"], Role.OWNER)
        acts = {
            "leave": (do(ada, "leaveOrg", orgId=org), do(bob, "leaveOrg", orgId=org)),
            "demote": (
                do(ada, "updateOrgMember", id=others, role="VIEWER"),
                do(bob, "updateOrgMember", id=own, role="ADMIN"),
            ),
            "remove": (
                do(ada, "removeOrgMember", id=others),
                do(bob, "removeOrgMember", id=own),
            ),
            "mixed": (
                do(ada, "leaveOrg", orgId=org),
                do(bob, "updateOrgMember", id=own if number % 2 else others, role="BILLING"),
            ),
        }
        first, second = acts[way]
        for unused in (one for name, pair_ in acts.items() if name != way for one in pair_):
            unused.close()
        outcome = codes(*await asyncio.gather(first, second))
        assert await owners(here, org) >= 1, (way, outcome)
        assert "ok" in outcome
        assert set(outcome) <= {"ok", "CONFLICT", "FORBIDDEN", "NOT_FOUND"}
        answers = "SELECT o.owner_user_id = m.user_id AS ok FROM org o JOIN org_member m "
        answers += "ON m.org_id = o.id AND m.role = 'owner' WHERE o.id = $1"
        assert any(row["ok"] for row in await here.sql(answers, org)), "an owner answers for it"


async def test_who_was_demoted_meanwhile_gives_nothing_any_more(pair: Pair) -> None:
    """The admin's request was let in before the owner's change committed, and waits for it."""
    here, there = pair
    ada, bob = here.user("ada"), there.user("bob")
    bobs = await id_of(bob)
    for number in range(ROUNDS):
        org = await found(ada)
        admin = await plant_member(here, org, bobs, Role.ADMIN)
        outcome = await asyncio.gather(
            do(ada, "updateOrgMember", id=admin, role="VIEWER"),
            do(bob, "inviteOrgMember", orgId=org, email=f"{number}@x.org", role="ADMIN"),
        )
        left = await here.sql("SELECT status FROM org_member WHERE org_id = $1", org)
        pending = [row for row in left if row["status"] == "invited"]
        # Either it came too late, or what it gave was taken back with the role.
        assert pending == [], outcome


async def test_a_token_lets_one_in_of_many(pair: Pair) -> None:
    here, _ = pair
    ada = here.user("ada")
    org = await found(ada)
    users = [server.user(f"u{number}") for number in range(5) for server in pair]
    await asyncio.gather(*map(id_of, users))
    for number in range(ROUNDS):
        invited = await invite(ada, org, f"{number}@example.org", "VIEWER")
        token = await token_of(here, invited["id"])
        outcome = codes(
            *await asyncio.gather(*(do(user, "acceptInvitation", token=token) for user in users))
        )
        assert outcome == ["NOT_FOUND"] * 9 + ["ok"]
        await here.sql("DELETE FROM org_member WHERE org_id = $1 AND role = 'viewer'", org)


async def test_accepting_and_revoking_agree(pair: Pair) -> None:
    here, there = pair
    ada, bob = here.user("ada"), there.user("bob")
    await id_of(bob)
    for number in range(ROUNDS):
        org = await found(ada)
        invited = await invite(ada, org, f"{number}@example.org", "ADMIN")
        token = await token_of(here, invited["id"])
        outcome = codes(
            *await asyncio.gather(
                do(bob, "acceptInvitation", token=token),
                do(ada, "revokeInvitation", id=invited["id"]),
            )
        )
        rows = await here.sql("SELECT status FROM org_member WHERE id = $1", invited["id"])
        assert outcome in (["CONFLICT", "ok"], ["NOT_FOUND", "ok"])
        assert [row["status"] for row in rows] == (["active"] if outcome[0] == "CONFLICT" else [])


async def test_a_slug_belongs_to_one(pair: Pair) -> None:
    users = [server.user(f"s{number}") for number in range(4) for server in pair]
    await asyncio.gather(*map(id_of, users))
    for number in range(ROUNDS):
        slug = f"orchard-{number}"
        tries = (do(user, "createOrg", name="Orchard", slug=slug) for user in users)
        outcome = codes(*await asyncio.gather(*tries))
        assert outcome == ["CONFLICT"] * 7 + ["ok"]
