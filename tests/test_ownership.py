"""The ownership walk: every way in, as everybody who may try it.

Who: somebody signed out, a stranger (signed in, with rows of their own), the owner, a guest who
owns the rows, the owner once the projects are deleted, and an operator, who is a stranger too.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from models import ids as ids_of
from tests.harness.accounts import guest_of
from tests.harness.api import Api, Refused, Server, StartServer
from tests.harness.documents import asked, node_types, object_type, root_fields
from tests.harness.ownership import NODES, PROBES, World, dump, id_paths, make_world, replaced
from tests.harness.planting import make_operator
from tests.harness.probing import ask, ask_node, probe

pytestmark = pytest.mark.both_paths

VIEWERS = ("signed out", "stranger", "owner", "guest", "deleted", "operator")
HIDDEN_LIST = ("empty", "empty", "data", "data", "empty", "empty")
HIDDEN_ROW = ("null", "null", "data", "data", "null", "null")
# The owner still is there when the projects are gone.
LASTING_ROW = ("null", "null", "data", "data", "data", "null")
LASTING_LIST = ("empty", "empty", "data", "data", "data", "empty")
OWN_LIST = ("empty", "data", "data", "data", "data", "data")
OWN_ROW = ("null", "data", "data", "data", "data", "data")
OPERATORS_LIST = ("empty", "empty", "empty", "empty", "empty", "data")
OPERATORS_ROW = ("null", "null", "null", "null", "null", "data")
OWNERS_WRITE = ("UNAUTHENTICATED", "NOT_FOUND", "data", "data", "NOT_FOUND", "NOT_FOUND")
BY_CONNECTION = ("UNAUTHENTICATED", "NOT_FOUND", "data", "FORBIDDEN", "NOT_FOUND", "NOT_FOUND")
ORGS_WRITE = ("UNAUTHENTICATED", "NOT_FOUND", "data", "data", "data", "NOT_FOUND")
# A guest has no account to do it with.
USERS_WRITE = ("UNAUTHENTICATED", "data", "data", "FORBIDDEN", "data", "data")
OWN_USERS_WRITE = ("UNAUTHENTICATED", "NOT_FOUND", "data", "FORBIDDEN", "data", "NOT_FOUND")
# A guest has no tokens and no keys to see.
OWNERS_TOKEN = ("UNAUTHENTICATED", "NOT_FOUND", "data", "NOT_FOUND", "data", "NOT_FOUND")
OPERATORS_WRITE = ("UNAUTHENTICATED", *("FORBIDDEN",) * 4, "data")
OWN_WRITE = ("UNAUTHENTICATED", *("data",) * 5)
PUBLIC = ("data",) * 6
# Refused or not, a try is counted.
COUNTED = {
    f"Mutation.{name}"
    for name in ("signIn", "verifyEmail", "resetPassword", "changeEmail", "changePassword")
} | {"Mutation.deleteMe", "Mutation.createCheckout", "Mutation.createCustomerPortal"}
UNLINKED = {"Mutation.addAttachment", "Mutation.importFigmaUpload"}
"""Their ids need not be of one project: an upload is of none."""
NO_SESSION = ("UNAUTHENTICATED", *("CONFLICT",) * 5)
LASTING = (
    "Org",
    "OrgMember",
    "AuditLog",
    "User",
    "UserPreferences",
    "Session",
    "Account",
    "Usage",
    "CreditEntry",
    "CreditReservation",
    "CreditBudget",
    "BillingSubscription",
    "PolarCustomer",
    "OAuthGrant",
    "UsageEvent",
    "Invoice",
    "StoredFile",
    "Deletion",
)
OPERATORS = (
    "AnonymousUsage", "Feedback", "PendingSubscription", "RateLimit", "Verification",
    "WebhookEvent",
)  # fmt: skip

TABLE: dict[str, tuple[str, ...]] = {
    "Query.me": OWN_ROW,
    "Query.preferences": OWN_ROW,
    "Query.session": ("null",) * 6,  # they come with tokens of another kind
    "Query.sessions": OWN_LIST,
    "Query.accounts": OWN_LIST,
    "Query.verifications": OPERATORS_LIST,
    "Query.apiTokens": ("empty", "data", "data", "empty", "data", "data"),
    "Query.userKeys": ("empty", "data", "data", "empty", "data", "data"),
    "Query.orgMemberships": OWN_LIST,
    "Query.auditLogs": ("empty", "empty", "data", "data", "data", "empty"),
    "Query.org": LASTING_ROW,
    "Query.orgBySlug": LASTING_ROW,
    "Query.accessExplain": PUBLIC,  # in development
    "Query.usage": OWN_ROW,
    "Query.budget": LASTING_ROW,
    "Query.creditBalances": LASTING_LIST,
    "Query.creditEntries": OWN_LIST,
    "Query.creditReservations": OWN_LIST,
    "Query.polarCustomer": OWN_ROW,
    "Query.oauthConnections": OWN_LIST,
    "Query.githubRepositories": ("null",) * 6,  # GitHub is not set up in tests
    "Query.subscriptions": OWN_LIST,
    "Query.import": HIDDEN_ROW,
    "Query.projectDownload": HIDDEN_ROW,
    "Query.imports": ("empty", "data", "data", "data", "empty", "data"),
    "Query.pendingSubscriptions": OPERATORS_LIST,
    "Query.rateLimits": OPERATORS_LIST,
    "Query.anonymousUsages": OPERATORS_LIST,
    "Query.actionLimits": OWN_LIST,
    "Query.usageLimits": ("null",) * 6,  # nothing is limited in tests, unless they say so
    "Query.usageEvents": LASTING_LIST,
    "Query.usageTotals": LASTING_ROW,
    "Query.invoices": LASTING_LIST,
    "Query.webhookEvents": OPERATORS_LIST,
    "Query.failedWebhookEvents": OPERATORS_LIST,
    "Query.plan": OWN_ROW,
    "Query.feedback": OPERATORS_LIST,
    "Query.models": PUBLIC,
    "Query.showcaseProjects": PUBLIC,
    "Query.projects": HIDDEN_LIST,
    "Query.pendingAgentRuns": HIDDEN_LIST,
    "Query.project": HIDDEN_ROW,
    "Query.conversation": HIDDEN_ROW,
    "Query.deletion": LASTING_ROW,
    "Query.deletions": LASTING_LIST,
    "Query.conversations": LASTING_LIST,
    "Query.pinnedConversations": LASTING_LIST,
    "Query.archivedConversations": LASTING_LIST,
    "Query.searchConversations": LASTING_LIST,
    "Query.searchMessages": HIDDEN_LIST,
    "Query.message": HIDDEN_ROW,
    "Query.fragment": HIDDEN_ROW,
    "Query.node": HIDDEN_ROW,
    # An operator finds what belongs to nobody among them.
    "Query.nodes": ("null", "null", "data", "data", "data", "data"),
    "Mutation.createGuest": PUBLIC,
    "Mutation.signUp": PUBLIC,
    "Mutation.requestPasswordReset": PUBLIC,
    "Mutation.signIn": ("UNAUTHENTICATED",) * 6,
    "Mutation.verifyEmail": ("INVALID",) * 6,
    "Mutation.resetPassword": ("INVALID",) * 6,
    "Mutation.signOut": NO_SESSION,
    "Mutation.rotateSession": NO_SESSION,
    "Mutation.changeEmail": USERS_WRITE,
    "Mutation.claimGuest": ("UNAUTHENTICATED", *("INVALID",) * 5),
    "Mutation.createProject": ORGS_WRITE,
    "Mutation.createProjectWithMessage": ORGS_WRITE,
    "Mutation.moveProject": OWNERS_WRITE,
    "Mutation.moveConversation": ORGS_WRITE,
    "Mutation.createOrg": USERS_WRITE,
    "Mutation.updateOrg": ORGS_WRITE,
    "Mutation.deleteOrg": ORGS_WRITE,
    "Mutation.transferOrg": ORGS_WRITE,
    "Mutation.setOrgPlan": OPERATORS_WRITE,
    "Mutation.closePeriod": OPERATORS_WRITE,
    "Mutation.settleInvoice": OPERATORS_WRITE,
    # Guests have no credits to bound.
    "Mutation.setBudget": (
        "UNAUTHENTICATED",
        "NOT_FOUND",
        "data",
        "CONFLICT",
        "data",
        "NOT_FOUND",
    ),
    "Mutation.resetCredits": OPERATORS_WRITE,
    "Mutation.inviteOrgMember": ORGS_WRITE,
    "Mutation.resendInvitation": ORGS_WRITE,
    "Mutation.revokeInvitation": ORGS_WRITE,
    # Who pays already does not pay again.
    "Mutation.createCheckout": (
        "UNAUTHENTICATED",
        "CONFLICT",
        "CONFLICT",
        "FORBIDDEN",
        "CONFLICT",
        "CONFLICT",
    ),
    "Mutation.createCustomerPortal": USERS_WRITE,
    "Mutation.cancelSubscription": OWN_USERS_WRITE,
    "Mutation.resumeSubscription": OWN_USERS_WRITE,
    "Mutation.syncSubscription": OWN_USERS_WRITE,
    "Mutation.grantSubscription": OPERATORS_WRITE,
    "Mutation.endSubscription": OPERATORS_WRITE,
    "Mutation.reconcileSubscription": OPERATORS_WRITE,
    "Mutation.resolvePendingSubscription": OPERATORS_WRITE,
    "Mutation.replayWebhookEvent": OPERATORS_WRITE,
    "Mutation.updateOrgMember": ORGS_WRITE,
    "Mutation.removeOrgMember": ORGS_WRITE,
    "Mutation.leaveOrg": OWN_USERS_WRITE,
    # Whoever holds the token may use it, once; the owner is a member already.
    "Mutation.acceptInvitation": (
        "UNAUTHENTICATED",
        "data",
        "CONFLICT",
        "FORBIDDEN",
        "CONFLICT",
        "data",
    ),
    "Mutation.declineInvitation": (
        "UNAUTHENTICATED",
        "data",
        "data",
        "FORBIDDEN",
        "data",
        "data",
    ),
    "Mutation.createApiToken": USERS_WRITE,
    "Mutation.revokeApiToken": OWNERS_TOKEN,
    "Mutation.createUpload": ("UNAUTHENTICATED", *("data",) * 5),
    "Mutation.completeUpload": ORGS_WRITE,
    "Mutation.deleteFile": ORGS_WRITE,
    "Mutation.setAvatar": OWN_USERS_WRITE,
    "Mutation.deleteAvatar": USERS_WRITE,
    "Mutation.updateOauthConnection": OWN_USERS_WRITE,
    "Mutation.setUserKey": USERS_WRITE,
    "Mutation.updateUserKey": OWNERS_TOKEN,
    "Mutation.deleteUserKey": OWNERS_TOKEN,
    "Mutation.testUserKey": OWNERS_TOKEN,
    "Mutation.updatePreferences": OWN_WRITE,
    "Mutation.updateProfile": OWN_WRITE,
    "Mutation.updateFavoriteModels": OWN_WRITE,
    "Mutation.addFavoriteModel": OWN_WRITE,
    "Mutation.removeFavoriteModel": OWN_WRITE,
    "Mutation.exportMyData": OWN_WRITE,
    "Mutation.updateProject": OWNERS_WRITE,
    "Mutation.deleteProject": OWNERS_WRITE,
    "Mutation.sendMessage": OWNERS_WRITE,
    "Mutation.createMessage": OWNERS_WRITE,
    "Mutation.createFolder": ORGS_WRITE,
    "Mutation.createConversation": OWNERS_WRITE,
    "Mutation.startConversation": OWNERS_WRITE,
    "Mutation.updateConversation": OWNERS_WRITE,
    # These are in no project.
    "Mutation.deleteConversation": ORGS_WRITE,
    "Mutation.selectBranch": ORGS_WRITE,
    "Mutation.markConversationRead": OWNERS_WRITE,
    "Mutation.clearConversation": OWNERS_WRITE,
    "Mutation.deleteMessage": OWNERS_WRITE,
    "Mutation.undoDeletion": ORGS_WRITE,
    "Mutation.emptyDeletion": ORGS_WRITE,
    "Mutation.editMessage": OWNERS_WRITE,
    "Mutation.regenerateMessage": OWNERS_WRITE,
    "Mutation.forkConversation": OWNERS_WRITE,
    "Mutation.createShareLink": OWNERS_WRITE,
    "Mutation.revokeShareLink": OWNERS_WRITE,
    "Mutation.rateMessage": OWNERS_WRITE,
    "Mutation.sendFeedback": OWN_WRITE,
    # Whoever holds the token of a link reads what it shows, and goes on in a copy.
    "Query.sharedConversation": ("data", "data", "data", "data", "null", "data"),
    "Mutation.forkSharedConversation": (
        "UNAUTHENTICATED",
        "data",
        "data",
        "data",
        "NOT_FOUND",
        "data",
    ),
    "Subscription.sharedConversationChanged": ("data", "data", "data", "data", "NOT_FOUND", "data"),
    "Mutation.updateMessage": OWNERS_WRITE,
    "Mutation.stopMessage": OWNERS_WRITE,
    "Mutation.approveToolCall": OWNERS_WRITE,
    "Mutation.denyToolCall": OWNERS_WRITE,
    "Mutation.addAttachment": OWNERS_WRITE,
    "Mutation.upsertFragment": OWNERS_WRITE,
    "Mutation.saveFragmentDraft": OWNERS_WRITE,
    "Mutation.clearFragmentDraft": OWNERS_WRITE,
    "Mutation.saveFiles": OWNERS_WRITE,
    "Mutation.restoreFileSnapshot": OWNERS_WRITE,
    "Mutation.enqueueAgentRun": OWNERS_WRITE,
    "Mutation.claimAgentRun": OWNERS_WRITE,
    "Mutation.heartbeatAgentRun": OWNERS_WRITE,
    "Mutation.completeAgentRun": OWNERS_WRITE,
    "Mutation.failAgentRun": OWNERS_WRITE,
    "Mutation.cancelAgentRun": OWNERS_WRITE,
    # A guest has nothing connected to do it with.
    "Mutation.importGithubRepository": BY_CONNECTION,
    "Mutation.importFigmaFile": BY_CONNECTION,
    "Mutation.importFigmaUpload": OWNERS_WRITE,
    "Mutation.cancelImport": OWNERS_WRITE,
    "Subscription.messageChanged": OWNERS_WRITE,
    "Subscription.preferencesChanged": OWN_WRITE,
    "Subscription.viewerChanged": OWN_WRITE,
    "Subscription.usageChanged": OWN_WRITE,
    "Subscription.subscriptionChanged": OWN_WRITE,
    "Subscription.budgetChanged": ORGS_WRITE,
    "Subscription.agentRunChanged": OWNERS_WRITE,
    "Subscription.importChanged": OWNERS_WRITE,
    "Subscription.deletionChanged": ORGS_WRITE,
    "Subscription.messageStreamed": OWNERS_WRITE,
    **{f"node {name}": HIDDEN_ROW for name in NODES},
    **{f"node {name}": LASTING_ROW for name in LASTING},
    **{f"node {name}": OPERATORS_ROW for name in OPERATORS},
    "node ApiToken": ("null", "null", "data", "null", "data", "null"),
    "node UserKey": ("null", "null", "data", "null", "data", "null"),
    # Last, since they end what the others ask for; in the end nobody is left.
    "Mutation.revokeOauthConnection": OWN_USERS_WRITE,
    "Mutation.unlinkAccount": OWN_USERS_WRITE,
    "Mutation.revokeSession": OWN_USERS_WRITE,
    "Mutation.revokeOtherSessions": OWN_USERS_WRITE,
    "Mutation.changePassword": USERS_WRITE,
    "Mutation.deleteMe": ("UNAUTHENTICATED", "data", "data", "data", "data", "CONFLICT"),
}


async def _stranger(server: Server, viewer: str) -> Api:
    """Somebody else with rows of their own, or nobody."""
    if viewer == "signed out":
        return server.nobody()
    stranger = server.user("olga" if viewer == "operator" else "eve")
    await make_world(server, stranger)
    if viewer == "operator":
        await make_operator(server, stranger)
    return stranger


@pytest.fixture
async def still(start_server: StartServer) -> Server:
    """A server on which nothing happens by itself."""
    return await start_server(worker=False)


def test_every_way_in_has_a_line() -> None:
    ways = root_fields() + [f"node {name}" for name in node_types()]
    assert set(TABLE) == set(ways), "a field of the schema without an answer here, or the reverse"
    assert set(PROBES) == set(root_fields())


@pytest.mark.parametrize("viewer", ["signed out", "stranger", "operator"])
async def test_what_strangers_get(still: Server, viewer: str) -> None:
    """And what is not let through changes nothing."""
    world = await make_world(still, still.user("ada"))
    api, found = await _stranger(still, viewer), dict[str, str]()
    before = await dump(still)
    for name in TABLE:
        found[name] = await _probed(still, api, name, world)
        after = await dump(still)
        writes = _writes(name, found[name])
        assert (before != after) == writes or name in COUNTED, name
        before = after
    _assert_as_told(viewer, found)


@pytest.mark.parametrize("viewer", ["owner", "guest"])
async def test_what_owners_get(still: Server, viewer: str) -> None:
    owner = still.user("ada") if viewer == "owner" else await guest_of(still)
    shared, found = await make_world(still, owner), dict[str, str]()
    for name in TABLE:
        # A mutation needs the rows as they were made.
        fresh = name.startswith("Mutation.")
        world = await make_world(still, owner) if fresh else shared
        found[name] = await _probed(still, owner, name, world)
    _assert_as_told(viewer, found)


async def test_what_owners_get_of_what_they_deleted(still: Server) -> None:
    await make_world(still, still.user("ada"))  # whose showcase is there for everybody
    gone, found = await deleted_world(still), dict[str, str]()
    column = VIEWERS.index("deleted")
    for name in TABLE:
        fresh = name.startswith("Mutation.") and TABLE[name][column] == "data"
        world = await deleted_world(still) if fresh else gone
        found[name] = await _probed(still, world.owner, name, world)
    _assert_as_told("deleted", found)


def _assert_as_told(viewer: str, found: Mapping[str, str]) -> None:
    """Compare what a viewer got with the table, naming only the lines that differ."""
    told = {name: by[VIEWERS.index(viewer)] for name, by in TABLE.items()}
    wrong = {name: (found[name], told[name]) for name in TABLE if found[name] != told[name]}
    assert wrong == {}, "got, and told"


async def _probed(server: Server, api: Api, name: str, world: World) -> str:
    """What comes of a line; a password that it set is not asked for by those that follow."""
    result = (await probe(api, name, world)).result
    if name == "Mutation.changePassword" and result == "data":
        await server.sql("DELETE FROM account WHERE password_hash IS NOT NULL")
    return result


def _writes(name: str, result: str) -> bool:
    return result == "data" and name.startswith("Mutation.")


async def deleted_world(server: Server) -> World:
    """The world of an owner who deleted every project."""
    owner = server.user("leo")
    world = await make_world(server, owner)
    for name in ("project", "quiet", "folder"):
        await owner.do("deleteProject", "{ deletedProjectId }", id=world[name])
    return world


async def test_what_takes_no_id_gives_only_the_viewers_own(still: Server) -> None:
    ada, eve, olga = still.user("ada"), still.user("eve"), await _stranger(still, "operator")
    foreign = await make_world(still, ada)
    await make_world(still, eve)
    nobodys = {foreign[NODES[kind]] for kind in OPERATORS}
    shown = {foreign["quiet"]}  # to everybody, in the showcase
    said = {foreign["user"]}  # the feedback that operators read
    lists = [name for name in PROBES if name.startswith("Query.") and not _ids_asked(name, foreign)]
    assert len(lists) > 8
    for viewer, theirs in ((eve, shown), (olga, shown | nobodys | said), (still.nobody(), shown)):
        texts = "".join([(await ask(viewer, name, {})).text for name in lists])
        assert {id for id in foreign.ids.values() if id in texts} == theirs


def _ids_asked(name: str, world: World) -> list[Any]:
    """The ids among the arguments of a field."""
    return list(id_paths(PROBES[name].ways(world)[0], frozenset(world.ids.values())))


async def test_hole_01_a_stranger_cannot_tell_hidden_from_missing(still: Server) -> None:
    ada, eve = still.user("ada"), still.user("eve")
    world, gone = await make_world(still, ada), await deleted_world(still)
    await make_world(still, eve)
    missing = world.but(
        **{name: ids_of.new_id(ids_of.prefix_of(id) or "") for name, id in world.ids.items()}
    )
    for viewer in (eve, still.nobody()):
        for name, results in TABLE.items():
            if results[1] not in ("null", "empty", "NOT_FOUND"):
                continue
            texts = {(await probe(viewer, name, one)).text for one in (world, gone, missing)}
            assert len(texts) == 1, (name, texts)


async def test_every_id_of_an_input_is_checked(still: Server) -> None:
    """A stranger's own good input with one id of somebody else's, or of nobody's."""
    ada, eve = still.user("ada"), still.user("eve")
    foreign, own = await make_world(still, ada), await make_world(still, eve)
    others = await make_world(still, eve)
    ids = frozenset(id for id in own.ids.values() if ids_of.prefix_of(id))
    attacked: set[str] = set()
    for name in (name for name in PROBES if name.startswith("Mutation.")):
        if TABLE[name] == OPERATORS_WRITE:
            continue  # whoever is none learns nothing of the id
        for way, bad, elsewhere in zip(
            *(PROBES[name].ways(world) for world in (own, foreign, others)), strict=True
        ):
            for path in id_paths(way, ids):
                attacked.add(f"{name}.{'.'.join(path)}")
                wrong = _at(bad, path)
                texts = set[str]()
                before = await dump(still)
                for value in (wrong, ids_of.new_id(ids_of.prefix_of(wrong) or "")):
                    found = await ask(eve, name, replaced(way, path, value))
                    assert found.result == "NOT_FOUND", (name, path, found)
                    assert (
                        ".".join(path[1:])
                        == json.loads(found.text)["errors"][0]["extensions"]["field"]
                    )
                    texts.add(found.text)
                linked = path[-1] in ("messageId", "fragmentId") and name not in UNLINKED
                if linked and len(list(id_paths(way, ids))) > 1:
                    # An id of the same owner's, but of another project.
                    found = await ask(eve, name, replaced(way, path, _at(elsewhere, path)))
                    texts.add(found.text)
                assert len(texts) == 1, (name, path, texts)
                assert before == await dump(still), (name, path)
    told = {
        field
        for field in id_fields_of_mutations()
        if TABLE[field.partition(".input")[0]] != OPERATORS_WRITE
    }
    assert attacked == told


def _at(value: Any, path: tuple[str, ...]) -> Any:
    for part in path:
        value = value[part]
    return value


NO_IDS = {"clientMessageId"}  # a client's own text


def id_fields_of_mutations() -> list[str]:
    """`Mutation.x.input.to.projectId` for every field of type ID in the inputs of mutations."""
    found: list[str] = []
    for name, field in object_type("Mutation").fields.items():
        found += _ids_below(field.args["input"].type, f"Mutation.{name}.input")
    return found


def _ids_below(kind: Any, path: str) -> list[str]:
    kind = getattr(kind, "of_type", kind)
    if getattr(kind, "name", "") == "ID":
        return [path]
    fields = getattr(kind, "fields", {})
    return [
        one for name, field in fields.items() for one in _ids_below(field.type, f"{path}.{name}")
    ]


async def test_a_key_does_not_outlive_the_right_to_its_result(still: Server) -> None:
    """A repeated mutation gives what the first one made only to who may still read it."""
    ada = still.user("ada")
    world = await make_world(still, ada)
    keyed = [
        name
        for name in PROBES
        if name.startswith("Mutation.")
        and "idempotencyKey" in object_type(f"{name[9].upper()}{name[10:]}Input").fields
    ]
    assert len(keyed) > 5
    ways = {
        name: {"input": {**PROBES[name].ways(world)[0]["input"], "idempotencyKey": "k"}}
        for name in keyed
    }
    for name, way in ways.items():
        if name == "Mutation.sendMessage":
            way["input"]["to"] = {"projectId": world["project"]}
            way["input"]["supersede"] = True
        first, again = await ask(ada, name, way), await ask(ada, name, way)
        assert first.result == again.result == "data", (name, first, again)
    for name, table, some in (
        ("Conversation", "conversation", "NOT main"), ("Project", "project", "true"),
        ("Org", "org", "true"), ("File", "stored_file", "true"),
    ):  # fmt: skip
        for row in await still.sql(f"SELECT id FROM {table} WHERE {some} AND deleted_at IS NULL"):
            await ada.do(f"delete{name}", f"{{ deleted{name}Id }}", id=row["id"])
    for row in await still.sql("SELECT id FROM api_token"):
        await ada.do("revokeApiToken", "{ revokedTokenId }", id=row["id"])
    for row in await still.sql("SELECT id FROM user_key"):
        await ada.do("deleteUserKey", "{ deletedUserKeyId }", id=row["id"])
    for name, way in ways.items():
        before = await dump(still)
        # Of feedback there is nothing to show.
        expected = "data" if name == "Mutation.sendFeedback" else "NOT_FOUND"
        assert (await ask(ada, name, way)).result == expected, name
        assert before == await dump(still)
    # Another viewer's key of the same name is another key.
    eve = still.user("eve")
    way = {"input": {**ways["Mutation.createProject"]["input"], "orgId": None}}
    assert (await ask(eve, "Mutation.createProject", way)).result == "data"


async def test_a_showcased_project_is_shown_and_nothing_more(still: Server) -> None:
    ada, eve = still.user("ada"), still.user("eve")
    world = await make_world(still, ada)
    for viewer in (still.nobody(), eve):
        shown = (await ask(viewer, "Query.showcaseProjects", {})).text
        assert world["quiet"] in shown
        assert world["project"] not in shown
        assert world["user"] not in shown
        for kind, id in (("Project", "quiet"), ("Message", "quiet message")):
            assert (await ask_node(viewer, kind, world[id])).result == "null"
    await ada.do("updateProject", "{ project { id } }", id=world["quiet"], showcased=False)
    assert (await ask(eve, "Query.showcaseProjects", {})).result == "empty"


@pytest.mark.parametrize("field", ["messageChanged", "agentRunChanged", "importChanged"])
async def test_a_deleted_project_ends_what_listens_below_it(still: Server, field: str) -> None:
    ada = still.user()
    for number in range(len(PROBES[f"Subscription.{field}"].ways(await make_world(still, ada)))):
        world = await make_world(still, ada)
        way = PROBES[f"Subscription.{field}"].ways(world)[number]
        async with ada.listen(asked(f"Subscription.{field}", way, 0), **way) as events:
            await events.next()
            await ada.do("deleteProject", "{ deletedProjectId }", id=world["project"])
            with pytest.raises(Refused) as refused:  # noqa: PT012 - events come before the end
                while True:
                    # What the deletion stopped is told of without its content.
                    assert (await events.next(2))["__typename"]
            assert refused.value.code == "NOT_FOUND"
