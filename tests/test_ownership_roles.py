"""The ownership walk inside an organisation: every way in, as a member of each role and as tokens.

What each gets follows from docs/permissions.md: the permission of the field, and the role.
"""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from graphql_schema.permissions import needs
from models import ids as ids_of
from models.permissions import PERSON, ROLES, SCOPES, Permission, Role, Scope
from models.verbs import NEEDS as VERBS_NEED
from tests.harness.api import Api, Server, StartServer
from tests.harness.documents import object_type
from tests.harness.mutations import EVERY, Scene
from tests.harness.ownership import PROBES, World, dump, make_world
from tests.harness.planting_orgs import plant_member
from tests.harness.probing import probe
from tests.harness.verbs import id_of, log_end, log_since

NEEDS = needs()
PERSONAL = {
    "Query.me", "Query.usage", "Query.creditEntries", "Query.creditReservations",
    "Subscription.usageChanged", "Query.polarCustomer", "Query.oauthConnections", "Query.imports",
    "Query.githubRepositories", "Mutation.updateOauthConnection", "Mutation.revokeOauthConnection",
    "Query.subscriptions", "Query.apiTokens", "Query.userKeys", "Query.orgMemberships",
    "Query.models", "Query.showcaseProjects", "Query.accessExplain", "Query.nodes", "Query.node",
    "Query.session", "Query.sessions", "Query.accounts", "Query.actionLimits",
    "Mutation.createGuest",
    "Mutation.createOrg", "Mutation.createApiToken", "Mutation.setUserKey", "Mutation.signUp",
    "Mutation.verifyEmail",
    "Mutation.signIn", "Mutation.signOut", "Mutation.rotateSession", "Mutation.revokeSession",
    "Mutation.revokeOtherSessions", "Mutation.requestPasswordReset", "Mutation.resetPassword",
    "Mutation.changePassword", "Mutation.changeEmail", "Mutation.unlinkAccount",
    "Mutation.claimGuest", "Mutation.deleteMe", "node User", "node OAuthGrant", "node Session",
    "node Account", "Query.preferences", "Mutation.updatePreferences", "Mutation.updateProfile",
    "Mutation.updateFavoriteModels", "Mutation.addFavoriteModel", "Mutation.removeFavoriteModel",
    "Mutation.exportMyData", "Subscription.preferencesChanged", "Subscription.viewerChanged",
    "node UserPreferences",
    "node StoredFile", "Mutation.createUpload", "Mutation.completeUpload",
    "Mutation.deleteFile", "Mutation.setAvatar", "Mutation.deleteAvatar",
    "Mutation.sendFeedback", "Query.plan", "Subscription.subscriptionChanged",
    "Mutation.createCheckout", "Mutation.createCustomerPortal", "Mutation.cancelSubscription",
    "Mutation.resumeSubscription", "Mutation.syncSubscription",
}  # fmt: skip
"""Ways in that are not about an organisation's rows; the first walk has them."""
BY_TOKEN = {"Mutation.acceptInvitation", "Mutation.declineInvitation"}
BY_LINK = {
    "Query.sharedConversation", "Mutation.forkSharedConversation",
    "Subscription.sharedConversationChanged",
}  # fmt: skip
"""What the token of a share link gives, whoever holds it; tests/chat/test_sharing.py has them."""
OF_AN_ORG = {
    "Mutation.createProject", "Mutation.createProjectWithMessage", "Mutation.createFolder",
    "Mutation.createConversation", "Mutation.startConversation", "Mutation.setBudget",
}  # fmt: skip
"""They name the organisation itself, which every member sees."""
LISTED = {
    "Query.projects", "Query.auditLogs", "Query.pendingAgentRuns", "Query.conversations",
    "Query.pinnedConversations", "Query.archivedConversations", "Query.searchConversations",
    "Query.searchMessages", "Query.deletions", "Query.creditBalances", "Query.usageEvents",
    "Query.invoices",
}  # fmt: skip
CLAIMERS = {
    "Mutation.heartbeatAgentRun", "Mutation.completeAgentRun", "Mutation.failAgentRun",
}  # fmt: skip
"""Only who claimed the run goes on with it, whatever anybody's role."""
ASIDE = {"_asked_about", "count_try", "touch"}
"""Verbs that run beside a mutation's own."""
ASKERS = {"Mutation.approveToolCall"}
"""Only who asked for the answer has tools act in their name, whatever anybody's role."""
CONNECTED = {"Mutation.importGithubRepository", "Mutation.importFigmaFile"}
"""Done with what the caller has connected, who has nothing here, and never by a script."""
WALKED = [name for name in NEEDS if name not in PERSONAL | BY_TOKEN | BY_LINK]


@dataclass(frozen=True, slots=True)
class Standing:
    """What somebody holds on an organisation, and on themselves; `asked` for its answers."""

    on_org: frozenset[Permission]
    on_self: frozenset[Permission] = PERSON
    asked: bool = False


MEMBERS = {str(role): Standing(held) for role, held in ROLES.items()}
OUTSIDE = {"member of another": Standing(frozenset())}
TOKENS = {
    f"token {scope}": Standing(ROLES[Role.OWNER] & held, PERSON & held, asked=True)
    for scope, held in SCOPES.items()
}


def expected(name: str, standing: Standing) -> str:
    """What somebody gets of an organisation's rows."""
    need = NEEDS[name]
    listed = name in LISTED
    if need is Permission.OPERATE:
        if name.startswith("Query."):
            return "empty"
        return "FORBIDDEN" if name.startswith("Mutation.") else "null"
    if need is Permission.ACCOUNT:
        return _of_the_account(name, standing)
    if need in standing.on_org:
        return _of_who_may(name, standing)
    if name.startswith("Query.") or " " in name:
        return "empty" if listed else "null"
    if name.startswith("Subscription."):
        return "NOT_FOUND"
    seen = Permission.READ
    if need in (Permission.MANAGE_ORG, Permission.MANAGE_MEMBERS, Permission.OWN):
        seen = Permission.READ_ORG
    if name in OF_AN_ORG:
        return "FORBIDDEN" if standing.on_org else "NOT_FOUND"
    return "FORBIDDEN" if seen in standing.on_org else "NOT_FOUND"


def _of_who_may(name: str, standing: Standing) -> str:
    if name in ASKERS and not standing.asked:
        return "FORBIDDEN"
    if name in CONNECTED:
        return "NOT_CONNECTED" if Permission.ACCOUNT in standing.on_self else "FORBIDDEN"
    return "CONFLICT" if name in CLAIMERS else "data"


def _of_the_account(name: str, standing: Standing) -> str:
    if name in ("node ApiToken", "node UserKey"):
        return "null"  # the owner's, and no token's to see
    if Permission.ACCOUNT not in standing.on_self:
        # A token that may read nothing of the account does not see its tokens either.
        return "FORBIDDEN" if name == "Mutation.leaveOrg" else "NOT_FOUND"
    if name == "Mutation.leaveOrg":
        return "data" if standing.on_org else "NOT_FOUND"
    return "NOT_FOUND"  # to revoke another's token


@pytest.fixture
async def still(start_server: StartServer) -> Server:
    """A server on which nothing happens by itself."""
    return await start_server(worker=False)


class Stage:
    """Worlds of an organisation's, each with a member of the role that is asked for."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.ada = server.user("ada")

    async def world(self) -> World:
        """A new one; what is moved goes to whoever asks."""
        made = await make_world(self.server, self.ada, in_org=True)
        return World(made.owner, {**made.ids, "goal": None})  # type: ignore[dict-item]

    async def member(self, world: World, role: str) -> Api:
        """The member of a role, the same user in every world."""
        user = self.server.user(role)
        await plant_member(self.server, world["org"], await id_of(user), Role(role))
        return user


@pytest.mark.parametrize("role", [str(role) for role in Role])
async def test_what_each_role_gets(still: Server, role: str) -> None:
    stage, standing = Stage(still), MEMBERS[role]
    shared = await stage.world()
    member = await stage.member(shared, role)
    found: dict[str, str] = {}
    for name in WALKED:
        world = shared
        writes = name.startswith("Mutation.") and expected(name, standing) == "data"
        if writes:
            world = await stage.world()
            await stage.member(world, role)
        before = await dump(still)
        found[name] = (await probe(member, name, world)).result
        assert (before != await dump(still)) == writes, name
    assert found == {name: expected(name, standing) for name in WALKED}


async def test_what_a_member_of_another_organisation_gets(still: Server) -> None:
    stage, standing = Stage(still), OUTSIDE["member of another"]
    world, eve = await stage.world(), still.user("eve")
    await make_world(still, eve, in_org=True)
    before = await dump(still)
    for name in WALKED:
        assert (await probe(eve, name, world)).result == expected(name, standing), name
    for name in ("Mutation.updateOrg", "Query.org", "node Project", "Mutation.createProject"):
        missing = world.but(
            **{
                key: ids_of.new_id(ids_of.prefix_of(id) or "")
                for key, id in world.ids.items()
                if id
            }
        )
        texts = {(await probe(eve, name, one)).text for one in (world, missing)}
        assert len(texts) == 1, name
    assert before == await dump(still)


@pytest.mark.parametrize("scope", [str(scope) for scope in Scope])
async def test_what_a_token_of_the_owner_gets(still: Server, scope: str) -> None:
    """Within its scope what the owner gets, and nothing of the rest, which stays as it is."""
    stage, standing = Stage(still), TOKENS[f"token {scope}"]
    world = await stage.world()
    given = {"name": "Script", "scopes": [Scope(scope).name]}
    made = await world.owner.do("createApiToken", "{ token }", **given)
    script = Api(still.session, still.url, made["token"])
    await probe(script, "Query.org", world)  # from now on its use is noted
    before = await dump(still)
    for name in WALKED:
        result = expected(name, standing)
        if name.startswith("Mutation.") and result in ("data", "CONFLICT"):
            continue  # the roles' walk has them
        assert (await probe(script, name, world)).result == result, name
    assert before == await dump(still)
    alone = {"Mutation.createOrg", "Mutation.createApiToken", "Mutation.setUserKey"}
    for name in sorted(BY_TOKEN | alone):
        assert (await probe(script, name, world)).result == "FORBIDDEN", name


def test_every_way_in_is_in_one_of_the_walks() -> None:
    assert {name for name in NEEDS if " " not in name} == set(PROBES)
    assert set(NEEDS) > PERSONAL | BY_TOKEN | BY_LINK


def test_the_descriptions_say_what_mutations_need() -> None:
    for name, field in object_type("Mutation").fields.items():
        need = NEEDS[f"Mutation.{name}"]
        told = "Open to everybody." if need is None else f"Needs {need}."
        assert field.description.endswith(told), name


async def test_a_mutation_needs_what_its_verb_does(still: Server) -> None:
    """The verb that a mutation ran is told by the event log."""
    for name, prepare in EVERY.items():
        scene = Scene(still, still.user(name))
        await id_of(scene.caller)
        given = await prepare(scene)
        end = await log_end(still)
        await scene.caller.do(name, "{ __typename }", **given)
        ran = {row["verb"] for row in await log_since(still, end)}
        (verb,) = ran - ASIDE
        assert NEEDS[f"Mutation.{name}"] is VERBS_NEED[verb], (name, verb)
