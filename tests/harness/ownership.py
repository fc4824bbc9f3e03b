"""Worlds for the ownership walk: what one owner has, and how every field is asked for it.

`PROBES` has one entry per field of Query, Mutation and Subscription. A field without one fails
the walk, as does a result that differs from the table in tests/test_ownership.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from models import ids
from models.accounts.users import User
from models.files.media_types import FIG
from tests.harness.accounts import PASSWORD
from tests.harness.api import Api, Server
from tests.harness.planting import (
    alter,
    plant_account,
    plant_file,
    plant_import,
    plant_user_key,
)
from tests.harness.planting_chat import plant_conversations, plant_sharing, plant_tool_call
from tests.harness.planting_orgs import plant_api_token, plant_org
from tests.harness.polar import PRO
from tests.harness.verbs import NOTED, id_of

Variables = dict[str, Any]


@dataclass(frozen=True, slots=True)
class World:
    """The ids of one owner's rows, by what they are."""

    owner: Api
    ids: Mapping[str, str]

    def __getitem__(self, name: str) -> str:
        return self.ids[name]

    def but(self, **ids: str) -> World:
        """The same world with other ids."""
        return World(self.owner, {**self.ids, **ids})


NODES = {
    "User": "user",
    "UserPreferences": "preferences",
    "Session": "session",
    "Account": "account",
    "Verification": "verification",
    "Project": "project",
    "Conversation": "conversation",
    "Message": "message",
    "Attachment": "attachment",
    "ToolCall": "tool call",
    "Fragment": "fragment",
    "FragmentDraft": "draft",
    "FileSnapshot": "snapshot",
    "AgentRun": "run",
    "Import": "import",
    "Usage": "usage",
    "BillingSubscription": "subscription",
    "PolarCustomer": "customer",
    "OAuthGrant": "grant",
    "PendingSubscription": "waiting",
    "WebhookEvent": "event",
    "RateLimit": "limit",
    "AnonymousUsage": "guest",
    "UsageEvent": "usage event",
    "Invoice": "invoice",
    "CreditEntry": "credit entry",
    "CreditReservation": "reservation",
    "CreditBudget": "budget",
    "Org": "org",
    "OrgMember": "org member",
    "AuditLog": "audit log",
    "ApiToken": "api token",
    "StoredFile": "file",
    "UserKey": "user key",
    "ShareLink": "share link",
    "MessageFeedback": "rating",
    "Feedback": "feedback",
    "Deletion": "deletion",
}
"""Every type of node and one row of it in a world."""

PICTURE = {"url": "https://files.example/a.png", "size": 9, "width": 1, "height": 1}
FILES = {"a.txt": "a"}


async def make_world(server: Server, owner: Api, *, in_org: bool = False) -> World:
    """Give an owner one row of everything, and a quiet project, shown to all, with no answers.

    With `in_org` the projects and what is paid are their organisation's. Each owner has one.
    """
    ids = {"user": await id_of(owner)}
    own = "SELECT id FROM user_preferences WHERE user_id = $1"
    ids["preferences"] = (await server.sql(own, ids["user"]))[0]["id"]
    ids |= await plant_org(server, ids["user"])
    ids["api token"] = await plant_api_token(server, ids["user"])
    ids["file"] = await plant_file(server, ids["user"])
    ids["avatar"] = await plant_file(server, ids["user"], "avatar")
    await alter(server, User, ids["user"], avatar_url="https://x.example/a.png")
    ids["user key"] = await plant_user_key(server, ids["user"])
    org = ids["org"] if in_org else None
    ids["home"] = org or ids["user"]
    ids["picture"] = await plant_file(server, ids["user"], owner=ids["home"])
    figma = {"content_type": FIG, "file_name": "a.fig"}
    ids["design"] = await plant_file(server, ids["user"], owner=ids["home"], **figma)
    ids |= await plant_account(server, ids["user"], org)
    ids |= await plant_conversations(server, ids["user"], ids["home"])
    made = await owner.do(
        "createProjectWithMessage",
        "{ project { id conversation { id } } message { id attachments { id } } reply { id } "
        "agentRun { id } }",
        content="Build it",
        attachments=[PICTURE],
        orgId=org,
    )
    ids["project"], ids["conversation"] = (
        made["project"]["id"],
        made["project"]["conversation"]["id"],
    )
    ids["message"], ids["reply"] = made["message"]["id"], made["reply"]["id"]
    ids |= await plant_sharing(server, owner, ids)
    ids["tool call"] = await plant_tool_call(server, ids["reply"])
    ids["other tool call"] = await plant_tool_call(server, ids["reply"], 1)
    ids["attachment"] = made["message"]["attachments"][0]["id"]
    ids["answering"] = made["agentRun"]["id"]
    project = ids["project"]
    ids["fragment"] = await _made(
        owner,
        "upsertFragment",
        "fragment",
        messageId=ids["message"],
        sandboxUrl="https://x.example",
        title="Page",
        files=FILES,
        framework="NEXTJS",
    )
    ids["import"] = await plant_import(server, org or ids["user"], project, ids["message"])
    ids["draft"] = await _made(owner, "saveFragmentDraft", "draft", projectId=project, files=FILES)
    ids["snapshot"] = await _made(
        owner,
        "saveFiles",
        "fileSnapshot",
        projectId=project,
        files=FILES,
        messageId=ids["message"],
        fragmentId=ids["fragment"],
    )
    for name in ("run", "claimed"):
        ids[name] = await _made(owner, "enqueueAgentRun", "agentRun", projectId=project, value=name)
    await owner.do("claimAgentRun", "{ agentRun { id } }", id=ids["claimed"])
    made = await owner.do(
        "createProject",
        "{ project { id conversation { id } } }",
        name="Quiet",
        framework="VUE",
        showcased=True,
        orgId=org,
    )
    ids["quiet"] = made["project"]["id"]
    ids["quiet conversation"] = made["project"]["conversation"]["id"]
    ids["quiet message"] = await _made(
        owner, "createMessage", "message", to={"projectId": ids["quiet"]}, content="A thought"
    )
    return World(owner, ids)


async def _made(owner: Api, mutation: str, field: str, **values: Any) -> str:
    return (await owner.do(mutation, f"{{ it: {field} {{ id }} }}", **values))["it"]["id"]


@dataclass(frozen=True, slots=True)
class Probe:
    """How a field is asked for the rows of a world: one set of arguments per way."""

    ways: Callable[[World], list[Variables]]


def _by(argument: str, name: str) -> Probe:
    return Probe(lambda world: [{argument: world[name]}])


def _free(**arguments: Any) -> Probe:
    return Probe(lambda _: [arguments])


def _input(**fields: str | Any) -> Probe:
    """An input whose ids are given as functions of the world."""
    return Probe(
        lambda world: [{"input": {k: v(world) if callable(v) else v for k, v in fields.items()}}]
    )


def _to(name: str) -> list[Callable[[World], dict[str, str]]]:
    conversation = {"project": "conversation", "quiet": "quiet conversation"}[name]
    return [
        lambda world: {"projectId": world[name]},
        lambda world: {"conversationId": world[conversation]},
    ]


def _sent(**fields: Any) -> Probe:
    return Probe(lambda world: [{"input": {"to": to(world), **fields}} for to in _to("quiet")])


def _id(name: str) -> Callable[[World], str]:
    return lambda world: world[name]


def _home(world: World) -> list[Variables]:
    """Whose list it is, and not much of it."""
    return [{"org": world["home"], "first": 2}]


def _this_month(world: World) -> list[Variables]:
    """Whose it is, and the days around now."""
    now, days = datetime.now(UTC), timedelta(days=40)
    return [{"org": world["home"], "since": str(now - days), "until": str(now + days)}]


def _searched(words: str) -> Callable[[World], list[Variables]]:
    return lambda world: [{"words": words, **one} for one in _home(world)]


def _new_address(_world: World) -> str:
    return f"{ids.new_id('row')}@example.com"


PROBES: dict[str, Probe] = {
    "Query.me": _free(),
    "Query.preferences": _free(),
    "Query.session": _free(),
    "Query.sessions": _free(),
    "Query.accounts": _free(),
    "Query.verifications": _free(),
    "Query.models": _free(),
    "Query.apiTokens": _free(),
    "Query.userKeys": _free(),
    "Query.orgMemberships": _free(),
    "Query.auditLogs": _by("org", "org"),
    "Query.org": _by("id", "org"),
    "Query.orgBySlug": Probe(lambda world: [{"slug": world["org slug"]}]),
    "Query.accessExplain": _by("id", "org"),
    "Query.showcaseProjects": _free(),
    "Query.usage": _free(),
    "Query.polarCustomer": _free(),
    "Query.oauthConnections": _free(),
    "Query.githubRepositories": _free(),
    "Query.subscriptions": _free(),
    "Query.import": _by("id", "import"),
    "Query.imports": _free(),
    "Query.projectDownload": _by("id", "project"),
    "Query.pendingSubscriptions": _free(),
    "Query.rateLimits": _free(),
    "Query.anonymousUsages": _free(),
    "Query.usageLimits": _free(),
    "Query.actionLimits": _free(),
    "Query.usageEvents": Probe(_home),
    "Query.usageTotals": _by("org", "home"),
    "Query.invoices": _by("org", "org"),
    "Query.budget": _by("org", "home"),
    "Query.creditBalances": Probe(_this_month),
    "Query.creditEntries": _free(),
    "Query.creditReservations": _free(),
    "Query.webhookEvents": _free(),
    "Query.failedWebhookEvents": _free(),
    "Query.plan": _free(),
    "Query.projects": Probe(_home),
    "Query.deletion": _by("id", "deletion"),
    "Query.deletions": Probe(_home),
    "Query.conversation": _by("id", "conversation"),
    "Query.conversations": Probe(_home),
    "Query.pinnedConversations": Probe(_home),
    "Query.archivedConversations": Probe(_home),
    "Query.searchConversations": Probe(_searched("thoughts")),
    "Query.searchMessages": Probe(_searched("thought")),
    "Query.pendingAgentRuns": Probe(lambda w: [{"projectId": w["project"], "first": 5}]),
    "Query.project": _by("id", "project"),
    "Query.message": _by("id", "message"),
    "Query.fragment": _by("id", "fragment"),
    "Query.feedback": _free(),
    "Query.sharedConversation": _by("token", "share token"),
    "Query.node": _by("id", "project"),
    "Query.nodes": Probe(lambda world: [{"ids": [world[name] for name in NODES.values()]}]),
    "Mutation.createGuest": _input(name="Guest"),
    "Mutation.signUp": _input(email=_new_address, password=PASSWORD),
    "Mutation.signIn": _input(email=_new_address, password=PASSWORD),
    "Mutation.verifyEmail": _input(token="forged"),
    "Mutation.requestPasswordReset": _input(email=_new_address),
    "Mutation.resetPassword": _input(token="forged", password=PASSWORD),
    "Mutation.signOut": _input(everywhere=True),
    "Mutation.rotateSession": _input(carrier="BEARER"),
    "Mutation.revokeSession": _input(id=_id("session")),
    "Mutation.revokeOtherSessions": _input(id=_id("other session")),
    "Mutation.unlinkAccount": _input(id=_id("account")),
    "Mutation.changeEmail": _input(email=_new_address),
    "Mutation.changePassword": _input(password=PASSWORD),
    "Mutation.claimGuest": _input(token="forged"),
    "Mutation.deleteMe": _input(),
    "Mutation.exportMyData": _input(),
    "Mutation.updatePreferences": _input(layout="sidebar"),
    "Mutation.updateProfile": _input(name="Other"),
    "Mutation.updateFavoriteModels": _input(models=["mock:slow"]),
    "Mutation.addFavoriteModel": _input(model="mock:endless"),
    "Mutation.removeFavoriteModel": _input(model="mock:slow"),
    "Mutation.createProject": _input(name="New", framework="REACT", orgId=_id("org")),
    "Mutation.createProjectWithMessage": _input(
        content="Hello", attachments=[PICTURE], orgId=_id("org")
    ),
    "Mutation.moveProject": _input(id=_id("project"), orgId=_id("goal")),
    "Mutation.moveConversation": _input(id=_id("loose"), orgId=_id("goal")),
    "Mutation.createOrg": _input(name="New"),
    "Mutation.updateOrg": _input(id=_id("org"), name="Other"),
    "Mutation.deleteOrg": _input(id=_id("org")),
    "Mutation.transferOrg": _input(memberId=_id("org member")),
    "Mutation.setBudget": _input(orgId=_id("home"), softLimit=7),
    "Mutation.resetCredits": _input(userId=_id("user")),
    "Mutation.setOrgPlan": _input(id=_id("org"), plan="pro", limits={"members": 5}),
    "Mutation.createCheckout": _input(productId=PRO),
    "Mutation.createCustomerPortal": _input(),
    "Mutation.cancelSubscription": _input(id=_id("subscription")),
    "Mutation.resumeSubscription": _input(id=_id("subscription")),
    "Mutation.syncSubscription": _input(id=_id("subscription")),
    "Mutation.grantSubscription": _input(userId=_id("user"), planTier="PRO"),
    "Mutation.endSubscription": _input(id=_id("granted")),
    "Mutation.reconcileSubscription": _input(polarSubscriptionId="sub-1"),
    "Mutation.resolvePendingSubscription": _input(id=_id("waiting"), userId=_id("user")),
    "Mutation.replayWebhookEvent": _input(id=_id("event")),
    "Mutation.closePeriod": _input(orgId=_id("org"), billingPeriod="2020-02"),
    "Mutation.settleInvoice": _input(id=_id("invoice"), status="PAID"),
    "Mutation.updateOrgMember": _input(id=_id("org member"), role="VIEWER"),
    "Mutation.removeOrgMember": _input(id=_id("org member")),
    "Mutation.leaveOrg": _input(orgId=_id("org")),
    "Mutation.inviteOrgMember": _input(orgId=_id("org"), email="new@example.org", role="VIEWER"),
    "Mutation.resendInvitation": _input(id=_id("invited")),
    "Mutation.revokeInvitation": _input(id=_id("invited")),
    "Mutation.acceptInvitation": _input(token=_id("to accept")),
    "Mutation.declineInvitation": _input(token=_id("to decline")),
    "Mutation.createApiToken": _input(name="Script", scopes=["READ"]),
    "Mutation.revokeApiToken": _input(id=_id("api token")),
    "Mutation.createUpload": _input(fileName="a.txt", contentType="text/plain", size=3),
    "Mutation.completeUpload": _input(id=_id("file")),
    "Mutation.deleteFile": _input(id=_id("file")),
    "Mutation.setAvatar": _input(fileId=_id("avatar")),
    "Mutation.deleteAvatar": _input(),
    "Mutation.setUserKey": _input(provider="openai", key="sk-0123456789abcdef"),
    "Mutation.updateUserKey": _input(id=_id("user key"), mode="FALLBACK"),
    "Mutation.deleteUserKey": _input(id=_id("user key")),
    "Mutation.testUserKey": _input(id=_id("user key")),
    "Mutation.updateOauthConnection": _input(id=_id("grant"), metadata={"team": "blue"}),
    "Mutation.revokeOauthConnection": _input(id=_id("grant")),
    "Mutation.updateProject": _input(id=_id("project"), name="Other"),
    "Mutation.deleteProject": _input(id=_id("project")),
    "Mutation.sendMessage": _sent(content="Hello", attachments=[PICTURE], supersede=True),
    "Mutation.createMessage": _sent(content="Hello"),
    "Mutation.createFolder": _input(name="New", orgId=_id("org")),
    "Mutation.createConversation": _input(projectId=_id("folder"), orgId=_id("home")),
    "Mutation.startConversation": _input(
        content="Hello", attachments=[PICTURE], projectId=_id("folder"), orgId=_id("home")
    ),
    "Mutation.updateConversation": _input(id=_id("loose"), title="New", projectId=_id("folder")),
    "Mutation.markConversationRead": _input(id=_id("conversation")),
    "Mutation.clearConversation": _input(id=_id("quiet conversation")),
    "Mutation.deleteConversation": _input(id=_id("loose")),
    "Mutation.deleteMessage": _input(id=_id("quiet message")),
    "Mutation.undoDeletion": _input(id=_id("other deletion")),
    "Mutation.emptyDeletion": _input(id=_id("deletion")),
    "Mutation.editMessage": _input(id=_id("quiet message"), content="Other", attachments=[PICTURE]),
    "Mutation.regenerateMessage": _input(id=_id("reply"), supersede=True),
    "Mutation.selectBranch": _input(id=_id("version"), expectedId=_id("newest version")),
    "Mutation.forkConversation": _input(messageId=_id("quiet message")),
    "Mutation.createShareLink": _input(
        conversationId=_id("conversation"), messageId=_id("message"), mode="TOKEN"
    ),
    "Mutation.revokeShareLink": _input(id=_id("share link")),
    "Mutation.forkSharedConversation": _input(token=_id("share token"), messageId=_id("message")),
    "Mutation.rateMessage": _input(messageId=_id("message"), rating=0),
    "Mutation.sendFeedback": _input(message="Good."),
    "Mutation.updateMessage": _input(id=_id("quiet message"), content="Better"),
    "Mutation.stopMessage": _input(id=_id("reply")),
    "Mutation.addAttachment": Probe(
        lambda world: [
            {"input": {"messageId": world["message"], **what}}
            for what in (PICTURE, {"fileId": world["picture"]})
        ]
    ),
    "Mutation.approveToolCall": _input(id=_id("tool call")),
    "Mutation.denyToolCall": _input(id=_id("other tool call")),
    "Mutation.upsertFragment": _input(
        messageId=_id("message"),
        sandboxUrl="https://y.example",
        title="T",
        files=FILES,
        framework="VUE",
    ),
    "Mutation.saveFragmentDraft": _input(projectId=_id("project"), files={"b.txt": "b"}),
    "Mutation.clearFragmentDraft": _input(projectId=_id("project")),
    "Mutation.saveFiles": _input(
        projectId=_id("project"), files=FILES, messageId=_id("message"), fragmentId=_id("fragment")
    ),
    "Mutation.restoreFileSnapshot": _input(id=_id("snapshot")),
    "Mutation.enqueueAgentRun": _input(projectId=_id("project"), value="Do it"),
    "Mutation.claimAgentRun": _input(id=_id("run")),
    "Mutation.heartbeatAgentRun": _input(id=_id("claimed")),
    "Mutation.completeAgentRun": _input(id=_id("claimed"), summary="Done", files=FILES),
    "Mutation.failAgentRun": _input(id=_id("claimed"), error="No"),
    "Mutation.cancelAgentRun": _input(id=_id("run")),
    "Mutation.importGithubRepository": _input(
        projectId=_id("project"), messageId=_id("message"), repository="octocat/hello"
    ),
    "Mutation.importFigmaFile": _input(
        projectId=_id("project"), messageId=_id("message"), file="abcDEF123456"
    ),
    "Mutation.importFigmaUpload": _input(
        projectId=_id("project"), messageId=_id("message"), fileId=_id("design")
    ),
    "Mutation.cancelImport": _input(id=_id("import")),
    "Subscription.messageChanged": Probe(
        lambda world: [{"of": to(world)} for to in _to("project")]
    ),
    "Subscription.preferencesChanged": _free(),
    "Subscription.viewerChanged": _free(),
    "Subscription.usageChanged": _free(),
    "Subscription.budgetChanged": _by("id", "budget"),
    "Subscription.deletionChanged": _by("id", "deletion"),
    "Subscription.agentRunChanged": _by("projectId", "project"),
    "Subscription.importChanged": _by("projectId", "project"),
    "Subscription.sharedConversationChanged": _by("token", "share token"),
    "Subscription.messageStreamed": _by("messageId", "message"),
}


Dump = dict[str, tuple[int, str]]


async def dump(server: Server) -> Dump:
    """The number of rows and a hash of the content of every table, but for what is noted."""
    names = await server.sql("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    tables, noted = sorted(row["tablename"] for row in names), f"{{{','.join(NOTED)}}}"
    sums = " UNION ALL ".join(
        f"SELECT '{table}' AS name, count(*) AS rows, "
        f"md5(coalesce(string_agg(t.row, '|' ORDER BY t.row), '')) AS hash "
        f"FROM (SELECT (to_jsonb(t) - '{noted}'::text[])::text AS row FROM {table} t) t"
        for table in tables
    )
    return {row["name"]: (row["rows"], row["hash"]) for row in await server.sql(sums)}


def id_paths(
    value: Any, ids: frozenset[str], path: tuple[str, ...] = ()
) -> Iterator[tuple[str, ...]]:
    """The paths in a set of arguments at which one of `ids` stands."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from id_paths(inner, ids, (*path, key))
    elif isinstance(value, str) and value in ids:
        yield path


def replaced(value: Any, path: tuple[str, ...], new: Any) -> Any:
    """The same arguments with another value at a path."""
    if not path:
        return new
    if isinstance(value, list):
        at = int(path[0])
        return [*value[:at], replaced(value[at], path[1:], new), *value[at + 1 :]]
    return {**value, path[0]: replaced(value.get(path[0]), path[1:], new)}
