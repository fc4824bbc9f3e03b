"""No sequence of allowed operations leaves an organisation without an owner, or gives more than
the giver holds. A model says what each operation must do; the server does the same."""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass, field
from typing import Any

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from models.permissions import ROLES, Permission, Role
from tests.harness.api import Api, Server, StartServer
from tests.harness.orgs import found, token_of
from tests.harness.planting_orgs import plant_member
from tests.harness.verbs import id_of

EXAMPLES = int(os.environ.get("FUZZ_ROUNDS", "1")) * 60
NAMES = ("ada", "bob", "cat", "dan")
ROLE = st.sampled_from(list(Role))
WHO = st.sampled_from(NAMES)
STEP = st.one_of(
    st.tuples(st.just("invite"), WHO, WHO, ROLE),
    st.tuples(st.just("accept"), WHO),
    st.tuples(st.just("decline"), WHO),
    st.tuples(st.just("revoke"), WHO, WHO),
    st.tuples(st.just("change"), WHO, WHO, ROLE),
    st.tuples(st.just("remove"), WHO, WHO),
    st.tuples(st.just("leave"), WHO),
    st.tuples(st.just("transfer"), WHO, WHO),
)


@dataclass
class Invited:
    """A pending invitation to `role`, made by `by`; the row's id and the token."""

    role: Role
    by: str
    id: str = ""
    token: str = ""


@dataclass
class Model:
    """What an organisation should look like."""

    members: dict[str, Role] = field(default_factory=dict)
    invited: dict[str, Invited] = field(default_factory=dict)

    def holds(self, who: str, permission: Permission) -> bool:
        """Whether somebody may do something there."""
        return who in self.members and permission in ROLES[self.members[who]]

    def may_give(self, who: str, role: Role) -> bool:
        """Whether somebody may give, or take, a role."""
        held = ROLES[self.members[who]] if who in self.members else frozenset()
        return Permission.MANAGE_MEMBERS in held and ROLES[role] <= held

    def last_owner(self, who: str) -> bool:
        """Whether there is no other owner."""
        return [name for name, role in self.members.items() if role is Role.OWNER] == [who]

    def lose(self, who: str, role: Role | None) -> None:
        """Somebody has another role now, or none."""
        self.members.pop(who)
        if role is not None:
            self.members[who] = role
        self.invited = {
            name: one
            for name, one in self.invited.items()
            if one.by != who or self.may_give(who, one.role)
        }


class Machine:
    """Does each step on the server and on the model."""

    def __init__(self, server: Server, users: dict[str, Api], org: str) -> None:
        self.server, self.users, self.org = server, users, org
        self.model = Model({"ada": Role.OWNER, "bob": Role.ADMIN, "cat": Role.ADMIN})

    async def step(self, name: str, who: str, *rest: Any) -> None:
        """One operation, which must go as the model says."""
        fine = await getattr(self, f"_{name}")(who, *rest)
        if fine is not None:
            mutation, given, allowed, then = fine
            made = await self._do(self.users[who], mutation, given)
            assert (made is not None) == allowed, (name, who, rest, self.model)
            if allowed:
                await then(made)

    async def _do(self, user: Api, mutation: str, given: dict[str, Any]) -> Any:
        name = mutation[0].upper() + mutation[1:]
        shown = "orgMember { id }" if mutation == "inviteOrgMember" else "__typename"
        query = f"mutation($i: {name}Input!) {{ it: {mutation}(input: $i) {{ {shown} }} }}"
        response = await user.ask(query, i=given)
        return None if response.get("errors") else response["data"]["it"]

    async def _invite(self, who: str, whom: str, role: Role) -> Any:
        model = self.model
        given = {"orgId": self.org, "email": f"{whom}@example.org", "role": role.name}

        async def then(made: Any) -> None:
            id = made["orgMember"]["id"]
            model.invited[whom] = Invited(role, who, id, await token_of(self.server, id))

        return (
            "inviteOrgMember",
            given,
            model.may_give(who, role) and whom not in model.invited,
            then,
        )

    async def _accept(self, who: str) -> Any:
        invited = self.model.invited.get(who)
        if invited is None:
            return None

        async def then(_: Any) -> None:
            self.model.members[who] = self.model.invited.pop(who).role

        allowed = who not in self.model.members
        return "acceptInvitation", {"token": invited.token}, allowed, then

    async def _decline(self, who: str) -> Any:
        invited = self.model.invited.get(who)
        if invited is None:
            return None

        async def then(_: Any) -> None:
            self.model.invited.pop(who)

        return "declineInvitation", {"token": invited.token}, True, then

    async def _revoke(self, who: str, whom: str) -> Any:
        invited = self.model.invited.get(whom)
        if invited is None:
            return None

        async def then(_: Any) -> None:
            self.model.invited.pop(whom)

        allowed = self.model.may_give(who, invited.role)
        return "revokeInvitation", {"id": invited.id}, allowed, then

    async def _change(self, who: str, whom: str, role: Role) -> Any:
        model, former = self.model, self.model.members.get(whom)
        if whom in model.invited:
            return self._raise(who, model.invited[whom], role)
        if former is None:
            return None
        allowed = model.may_give(who, former) and model.may_give(who, role)
        allowed = allowed and (role is Role.OWNER or not model.last_owner(whom))

        async def then(_: Any) -> None:
            model.lose(whom, role)

        return "updateOrgMember", {"id": await self._id(whom), "role": role.name}, allowed, then

    def _raise(self, who: str, invited: Invited, role: Role) -> Any:
        """Another role for an invited one, for which who gives it answers."""
        allowed = self.model.may_give(who, invited.role) and self.model.may_give(who, role)

        async def then(_: Any) -> None:
            invited.role, invited.by = role, who

        return "updateOrgMember", {"id": invited.id, "role": role.name}, allowed, then

    async def _remove(self, who: str, whom: str) -> Any:
        former = self.model.members.get(whom)
        if former is None:
            return None
        allowed = self.model.may_give(who, former) and not self.model.last_owner(whom)

        async def then(_: Any) -> None:
            self.model.lose(whom, None)

        return "removeOrgMember", {"id": await self._id(whom)}, allowed, then

    async def _leave(self, who: str) -> Any:
        allowed = who in self.model.members and not self.model.last_owner(who)

        async def then(_: Any) -> None:
            self.model.lose(who, None)

        return "leaveOrg", {"orgId": self.org}, allowed, then

    async def _transfer(self, who: str, whom: str) -> Any:
        model = self.model
        if whom not in model.members:
            return None
        allowed = model.holds(who, Permission.OWN) and who != whom

        async def then(_: Any) -> None:
            model.members[whom] = Role.OWNER
            model.lose(who, Role.ADMIN)

        return "transferOrg", {"memberId": await self._id(whom)}, allowed, then

    async def _id(self, who: str) -> str:
        query = "SELECT id FROM org_member WHERE org_id = $1 AND user_id = $2"
        return (await self.server.sql(query, self.org, await id_of(self.users[who])))[0]["id"]

    async def check(self) -> None:
        """The server has what the model says, and somebody owns it."""
        members = await self.server.sql(
            "SELECT u.clerk_id AS name, m.role FROM org_member m JOIN user_account u "
            "ON u.id = m.user_id WHERE m.org_id = $1 AND m.status = 'active'",
            self.org,
        )
        assert {row["name"]: Role(row["role"]) for row in members} == self.model.members
        pending = await self.server.sql(
            "SELECT email, role FROM org_member WHERE org_id = $1 AND status = 'invited'", self.org
        )
        told = {f"{name}@example.org": one.role for name, one in self.model.invited.items()}
        assert {row["email"]: Role(row["role"]) for row in pending} == told
        (org,) = await self.server.sql("SELECT owner_user_id FROM org WHERE id = $1", self.org)
        (name,) = await self.server.sql(
            "SELECT clerk_id AS name FROM user_account WHERE id = $1", org["owner_user_id"]
        )
        assert self.model.members[name["name"]] is Role.OWNER


async def test_no_sequence_of_operations_breaks_an_organisation(start_server: StartServer) -> None:
    server = await start_server(worker=False, sign_in_tries=100_000, address_tries=100_000)
    users = {name: server.user(name) for name in NAMES}
    for user in users.values():
        await id_of(user)
    loop = asyncio.get_running_loop()

    async def tell(steps: list[tuple[Any, ...]]) -> None:
        await server.sql("DELETE FROM org_member")  # nobody may be in hundreds of organisations
        org = await found(users["ada"])
        for admin in ("bob", "cat"):
            await plant_member(server, org, await id_of(users[admin]), Role.ADMIN)
        machine = Machine(server, users, org)
        await machine.step("invite", "ada", "dan", Role.VIEWER)
        for step in steps:
            await machine.step(*step)
        await machine.check()

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        suppress_health_check=[HealthCheck.too_slow],
    )
    @example([("change", "bob", "dan", Role.ADMIN), ("change", "ada", "bob", Role.VIEWER)])
    @example([("transfer", "ada", "bob"), ("remove", "bob", "ada"), ("leave", "bob")])
    @given(st.lists(STEP, min_size=8, max_size=24))
    def walk(steps: list[tuple[Any, ...]]) -> None:
        asyncio.run_coroutine_threadsafe(tell(steps), loop).result()

    await asyncio.to_thread(walk)
