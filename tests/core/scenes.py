"""Every verb once, on a filled database: by the API's mutations, and as the worker calls them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from models.accounts.connecting import (
    Connecting,
    Renewal,
    Tokens,
    claim_renewal,
    connect,
    hand_back_renewal,
    keep_renewed,
    note_refusal,
    use_once,
)
from models.accounts.expiring import forget_expired
from models.accounts.mails import forget_mail, take_mails
from models.accounts.oauth_connections import OAuthProvider, connection_of
from models.accounts.oauth_revocations import forget_revocation, take_revocations
from models.accounts.orgs import Org
from models.accounts.rate_limits import forget_short_windows, forget_windows
from models.accounts.user_keys import key_of, note_use
from models.billing.usage_events import ModelCall
from models.builder.claims import reap_runs
from models.builder.import_jobs import (
    Progress,
    claim_imports,
    give_up_import,
    hand_back_import,
    note_progress,
    renew_imports,
)
from models.builder.import_results import Imported, finish_import
from models.chat import chunks
from models.chat.answers import Answer
from models.chat.chunks import Window
from models.chat.conversations import Conversation
from models.chat.deletion import DeletionJob, work_off_deletion
from models.chat.leases import (
    Failure,
    Lease,
    claim_generations,
    count_unwanted_call,
    finish_generation,
    give_up_generation,
    hand_back_generation,
    reap_generations,
    renew,
)
from models.chat.projects import Project
from models.chat.prompting import read_prompt
from models.chat.titles import give_title, untitled
from models.chat.tool_calls import ToolCallState
from models.chat.tool_steps import (
    NewCall,
    expire_tool_calls,
    keep_calls,
    keep_results,
    read_progress,
)
from models.chat.transcripts import Asked
from models.files.sweeping import sweep_files
from models.housekeeping import forget_the_old
from models.standing import renewed
from models.verbs import Actor
from models.viewer import SIGNED_OUT, viewer_of
from tests.harness import filling_sharing
from tests.harness.api import Api, Server
from tests.harness.filling import FILES, Filling
from tests.harness.mutations import EVERY, Scene, whole
from tests.harness.orgs import member_of, token_of
from tests.harness.plans import BY_TEST
from tests.harness.planting import plant_user_key
from tests.harness.sharing import HEARD

LEASE = timedelta(seconds=30)
CALL = ModelCall("mock:raypx-1", usage={"inputTokens": 2, "outputTokens": 3})
ANSWER = Answer([{"kind": "text", "text": "```tsx app/page.tsx\nexport {}\n```"}], "stop")
STREAM = "subscription($id: ID!) { messageStreamed(messageId: $id) { text cursor } }"
MESSAGES = """subscription($id: ID!, $after: String) {
  messageChanged(of: {projectId: $id}, after: $after) { node { id } cursor } }"""
NEWEST = """query($id: ID!) { project(id: $id) {
  messages(last: 1) { nodes { id fragment { id } } } } }"""
WAYS_IN = (
    "signUp", "verifyEmail", "signIn", "signOut", "rotateSession", "revokeSession",
    "revokeOtherSessions", "requestPasswordReset", "resetPassword", "changePassword",
    "changeEmail", "unlinkAccount", "claimGuest", "deleteMe",
)  # fmt: skip
OWN = (
    "exportMyData", "updatePreferences", "updateProfile", "updateFavoriteModels",
    "addFavoriteModel", "removeFavoriteModel", "sendFeedback", "setBudget", "resetCredits",
)  # fmt: skip
PAYING = (
    "createCheckout", "createCustomerPortal", "cancelSubscription", "resumeSubscription",
    "syncSubscription", "grantSubscription", "endSubscription", "reconcileSubscription",
    "resolvePendingSubscription", "replayWebhookEvent",
)  # fmt: skip
CONVERSATIONS = (
    "createFolder", "createConversation", "startConversation", "updateConversation",
    "markConversationRead", "editMessage", "regenerateMessage", "selectBranch",
    "forkConversation", "rateMessage", "createShareLink", "revokeShareLink",
    "forkSharedConversation", "deleteMessage", "clearConversation", "deleteConversation",
    "undoDeletion", "emptyDeletion", "approveToolCall", "denyToolCall",
)  # fmt: skip
IMPORTS = ("importGithubRepository", "importFigmaFile", "importFigmaUpload", "cancelImport")
DELETION = "subscription($id: ID!) { deletionChanged(id: $id) { node { id } cursor } }"
IMPORTED = "subscription($id: ID!) { importChanged(projectId: $id) { node { id } cursor } }"
RUNS = "subscription($id: ID!) { agentRunChanged(projectId: $id) { node { id } cursor } }"


class Verbs:
    """Calls the verbs and remembers the mutations it has called."""

    def __init__(self, server: Server, filling: Filling) -> None:
        self.server = server
        self.api = server.user("user-0")
        self.called: set[str] = set()
        mine = filling.ids[Project][filling.users[0]]
        self.project, self.other = mine[0], mine[1]
        self.filling = filling

    async def do(self, mutation: str, selection: str, **values: Any) -> Any:
        """Call a mutation."""
        self.called.add(mutation)
        return await self.api.do(mutation, selection, **values)

    async def all(self) -> None:
        """Call all there are."""
        await self.people()
        await self.ways_in()
        await self.orgs()
        await self.tokens()
        await self.keys()
        await self.connections()
        await self.messages()
        await self.conversations()
        await self.files()
        await self.uploads()
        await self.imports()
        await self.runs()
        await self.hear()
        await self.work()
        await self.carry_out()
        await self.tidy()

    async def people(self) -> None:
        await self.do("createGuest", "{ user { id } }", name="Guest")
        await self.server.user("newcomer").run("{ me { id } }")

    async def ways_in(self) -> None:
        for name in (*WAYS_IN, *OWN, *PAYING):
            scene = Scene(self.server, self.server.user(f"somebody-{name}"))
            given = await EVERY[name](scene)
            self.called.add(name)
            await scene.caller.do(name, whole(name), **given)
        await self.mails()

    async def orgs(self) -> None:
        org = (await self.do("createOrg", "{ org { id } }", name="New"))["org"]["id"]
        await self.do("updateOrg", "{ org { id } }", id=org, name="Newer", slug="newer-1")
        other = self.server.user("user-9")
        for number, role in enumerate(("EDITOR", "VIEWER", "VIEWER", "VIEWER")):
            invited = await self.invite(org, f"{number}@example.org", role)
            if number == 0:
                await self.do("updateOrgMember", "{ orgMember { id } }", id=invited, role="ADMIN")
                self.called.add("acceptInvitation")
                token = await token_of(self.server, invited)
                await other.do("acceptInvitation", "{ orgMember { id } }", token=token)
            elif number == 1:
                token = await token_of(self.server, invited)
                await self.do("declineInvitation", "{ declinedInvitationId }", token=token)
            elif number == 2:
                await self.do("revokeInvitation", "{ revokedInvitationId }", id=invited)
            else:
                earlier = f"{BY_TEST} UPDATE org_member SET invited_at = $2 WHERE id = $1"
                await self.server.sql(earlier, invited, _ago())
                await self.do("resendInvitation", "{ orgMember { id } }", id=invited)
        await self.mails()
        await self.move(org)
        member = await member_of(self.server, org, other)
        await self.do("transferOrg", "{ org { id } }", memberId=member)
        self.called.add("removeOrgMember")
        member = await member_of(self.server, org, self.api)
        await other.do("removeOrgMember", "{ removedMemberId }", id=member)

    async def invite(self, org: str, email: str, role: str) -> str:
        given = {"orgId": org, "email": email, "role": role}
        made = await self.do("inviteOrgMember", "{ orgMember { id } }", **given)
        return made["orgMember"]["id"]

    async def mails(self) -> None:
        for mail in await take_mails(self.actor(), 50):
            await forget_mail(self.actor(), mail.id)

    async def move(self, org: str) -> None:
        own = self.filling.ids[Project][self.filling.users[0]][3]
        await self.do("moveProject", "{ project { id } }", id=own, orgId=org)
        await self.do("moveProject", "{ project { id } }", id=own)
        loose = f"{BY_TEST} SELECT id FROM conversation WHERE user_id = $1 AND project_id IS NULL"
        (row, *_) = await self.server.sql(loose, self.filling.users[0])
        for goal in (org, None):
            given = {"id": row["id"], "orgId": goal}
            await self.do("moveConversation", "{ conversation { id } }", **given)

    async def leaving(self) -> None:
        """The organisation of another, and the viewer's own."""
        await self.do("leaveOrg", "{ removedMemberId }", orgId=self.org_of(-1))
        own = self.org_of(0)
        plan = {"id": own, "plan": "pro", "limits": {"members": 9}}
        grant = f"{BY_TEST} UPDATE user_account SET operator = true WHERE id = $1"
        await self.server.sql(grant, self.filling.users[0])
        await self.do("setOrgPlan", "{ org { id } }", **plan)
        period = {"orgId": own, "billingPeriod": "2026-01"}
        closed = await self.do("closePeriod", "{ invoice { id } }", **period)
        settled = {"id": closed["invoice"]["id"], "status": "PAID"}
        await self.do("settleInvoice", "{ invoice { id } }", **settled)
        await self.do("deleteOrg", "{ deletedOrgId }", id=own)

    def org_of(self, number: int) -> str:
        """The organisation of a user."""
        return self.filling.ids[Org][self.filling.users[number]][0]

    async def tokens(self) -> None:
        given = {"name": "Script", "scopes": ["READ"]}
        made = await self.do("createApiToken", "{ token apiToken { id } }", **given)
        script = Api(self.server.session, self.server.url, made["token"])
        await script.run("{ me { id } }")
        await self.do("revokeApiToken", "{ revokedTokenId }", id=made["apiToken"]["id"])

    async def keys(self) -> None:
        new = {"provider": "openai", "key": "sk-0123456789abcdef", "idempotencyKey": "key"}
        for _ in range(2):
            made = await self.do("setUserKey", "{ userKey { id } }", **new)
        id, actor = made["userKey"]["id"], self.actor()
        await self.do("updateUserKey", "{ userKey { id } }", id=id, mode="FALLBACK")
        chosen = {"name": "One", "framework": "VUE", "modelPreference": "openai:gpt-5.1-mini"}
        await self.do("createProject", "{ project { id } }", **chosen)
        user = self.filling.users[0]
        key = await key_of(actor.database, user, "openai")
        assert key is not None
        await note_use(actor.database, key, actor.clock.now())
        await self.do("deleteUserKey", "{ deletedUserKeyId }", id=id)
        tried = await plant_user_key(self.server, user)
        await self.do("testUserKey", "{ result }", id=tried)

    async def connections(self) -> None:
        user, vault = self.filling.users[0], self.server.services.ports.sign_in.vault
        actor, account = self.actor(), {"id": "7", "login": "ada"}
        about = (user, None, OAuthProvider.GITHUB, "repo")
        new = Connecting(*about, Tokens("gho_1", "ghr_1", timedelta(hours=8)), account)
        for _ in range(2):
            id = (await connect(actor, new, vault)).id
        assert await connection_of(actor.database, user, OAuthProvider.GITHUB) is not None
        renewal = Renewal(id, user, OAuthProvider.GITHUB, "ghr_1")
        for _ in range(2):
            await claim_renewal(actor, renewal, vault)
            await hand_back_renewal(actor, renewal, vault)
        await keep_renewed(actor, renewal, Tokens("gho_2", "ghr_2"), vault)
        await keep_renewed(actor, renewal, Tokens("gho_3", "ghr_3"), vault)
        await note_refusal(actor, id, "gho_2", vault)
        await use_once(actor, "a state")
        note = {"metadata": {"team": "blue"}}
        await self.do("updateOauthConnection", "{ oauthGrant { id } }", id=id, **note)
        await self.do("revokeOauthConnection", "{ revokedOauthGrantId }", id=id)
        for revocation in await take_revocations(actor, 10):
            await forget_revocation(actor, revocation.id)

    async def messages(self) -> None:
        attachments = [{"url": "https://example.com/a.png", "size": 9}]
        new = {"content": "Build it", "attachments": attachments, "idempotencyKey": "one"}
        for _ in range(2):
            await self.do("createProjectWithMessage", "{ project { id } agentRun { id } }", **new)
        to = {"projectId": self.project}
        more = {"to": to, "content": "More", "supersede": True}
        sent = await self.do("sendMessage", "{ reply { id } }", **more)
        again = {"to": to, "content": "Rather", "supersede": True}
        sent = await self.do("sendMessage", "{ message { id } reply { id } }", **again)
        await self.do("stopMessage", "{ message { id } }", id=sent["reply"]["id"])
        for _ in range(2):
            note = {"to": to, "content": "Note", "idempotencyKey": "two"}
            made = await self.do("createMessage", "{ message { id } }", **note)
        id = made["message"]["id"]
        await self.do("updateMessage", "{ message { id } }", id=id, content="Notes")
        await self.do("addAttachment", "{ attachment { id } }", messageId=id, **attachments[0])
        running = self.filling.running[2]  # the first was stopped by what was sent
        await self.do("stopMessage", "{ message { id } }", id=running)

    async def conversations(self) -> None:
        for name in CONVERSATIONS:
            given = await EVERY[name](Scene(self.server, self.api))
            await self.do(name, whole(name), **given)

    async def files(self) -> None:
        project = {"projectId": self.project}
        message = (await self.newest())["nodes"][0]
        about = {"sandboxUrl": "https://example.com", "title": "T", "framework": "VUE"}
        for _ in range(2):
            await self.do(
                "upsertFragment",
                "{ fragment { id } }",
                messageId=message["id"],
                files=FILES,
                **about,
            )
            await self.do("saveFragmentDraft", "{ draft { id } }", **project, files={"b": ""})
        await self.do("clearFragmentDraft", "{ deletedDraftId }", **project)
        fragment = (await self.newest())["nodes"][0]["fragment"]["id"]
        came = {"messageId": message["id"], "fragmentId": fragment}
        saved = await self.do(
            "saveFiles", "{ fileSnapshot { id } }", **project, files=FILES, **came
        )
        restored = saved["fileSnapshot"]["id"]
        await self.do("restoreFileSnapshot", "{ fileSnapshot { id } }", id=restored)

    async def uploads(self) -> None:
        for name in ("createUpload", "completeUpload", "deleteFile", "setAvatar", "deleteAvatar"):
            given = await EVERY[name](Scene(self.server, self.api))
            await self.do(name, whole(name), **given)

    async def imports(self) -> None:
        for name in IMPORTS:
            given = await EVERY[name](Scene(self.server, self.api))
            await self.do(name, whole(name), **given)

    async def newest(self) -> Any:
        return (await self.api.run(NEWEST, id=self.project))["project"]["messages"]

    async def runs(self) -> None:
        await self.do("createProject", "{ project { id } }", name="New", framework="REACT")
        await self.do("updateProject", "{ project { id } }", id=self.other, name="Newer")
        first, second, third = [await self.enqueue() for _ in range(3)]
        for id in (first, second):
            await self.do("claimAgentRun", "{ baseFiles }", id=id)
        await self.do("heartbeatAgentRun", "{ agentRun { id } }", id=first)
        made = {"summary": "Done", "files": FILES}
        await self.do("completeAgentRun", "{ fragment { id } }", id=first, **made)
        await self.do("failAgentRun", "{ agentRun { id } }", id=second, error="No")
        await self.do("cancelAgentRun", "{ agentRun { id } }", id=third)

    async def enqueue(self) -> str:
        wish = {"projectId": self.project, "value": "Build"}
        made = await self.do("enqueueAgentRun", "{ agentRun { id } }", **wish)
        return made["agentRun"]["id"]

    async def hear(self) -> None:
        async with self.api.listen(STREAM, id=self.filling.running[1]) as events:
            await events.next()
        for query in (RUNS, IMPORTED):
            async with self.api.listen(query, id=self.project) as events:
                await events.next()
        deletion = self.filling.ids[DeletionJob][self.filling.users[0]][0]
        async with self.api.listen(DELETION, id=deletion) as events:
            await events.next()
        token = filling_sharing.token_of(self.filling.ids[Conversation][self.filling.users[0]][0])
        async with self.api.listen(HEARD, token=token) as events:
            await events.next()
        async with self.api.listen(MESSAGES, id=self.project) as events:
            cursor = (await events.next())["cursor"]
        await self.do(
            "createMessage", "{ message { id } }", to={"projectId": self.project}, content="!"
        )
        async with self.api.listen(MESSAGES, id=self.project, after=cursor) as events:
            await events.next()

    async def work(self) -> None:
        actor, ports = self.actor(), self.server.services.ports
        database = ports.database
        leases = await claim_generations(actor, "worker", 6, 9, LEASE)
        assert len(leases) == 6
        for lease in leases:
            await read_prompt(database, lease, "raypx-1", 100_000, ports.files)
            await untitled(database, lease.message_id)
        async with database.connection() as connection:
            await chunks.append(connection, [_window(lease) for lease in leases])
            await renew(connection, leases, "worker", _now() + LEASE)
        assert await finish_generation(actor, leases[0], ANSWER, CALL)
        loose = self.filling.ids[Conversation][self.filling.users[1]][-1]
        titled = replace(CALL, number="title")
        await give_title(actor, leases[0], loose, "Title", titled)
        await count_unwanted_call(actor, leases[0], CALL)
        assert await give_up_generation(actor, leases[1], Failure("No", LEASE), CALL)
        assert await give_up_generation(actor, leases[2], Failure("No"))
        assert await hand_back_generation(actor, leases[3])
        dead = f"{BY_TEST} UPDATE generation SET lease_until = $2 WHERE id = $1"
        await self.server.sql(dead, leases[4].generation_id, _ago())
        assert await reap_generations(actor) == 1
        await self.call_tools(leases[5])

    async def carry_out(self) -> None:
        """What a worker does with imports."""
        actor, found = self.actor(), Imported("1", "One", "https://x.dev", "Done.", 1, {}, FILES)
        jobs = await claim_imports(actor, "worker", 9, LEASE)
        repository, file, upload = jobs
        async with actor.database.connection() as connection:
            assert len(await renew_imports(connection, jobs, "worker", _now() + LEASE)) == 3
        await note_progress(actor, repository, Progress(1, 2, 3))
        user = await renewed(viewer_of(upload.user_id), actor.database, actor.clock.now())
        owner = replace(actor, viewer=user)
        assert await finish_import(owner, repository, found, Progress(2, 2, 3))
        uploaded = replace(found, files=None, file_id=upload.source_id)
        assert await finish_import(owner, upload, uploaded, Progress())
        await hand_back_import(actor, file)
        (again,) = await claim_imports(actor, "worker", 9, LEASE)
        await give_up_import(actor, again, "No", LEASE)

    async def call_tools(self, lease: Lease) -> None:
        """Keep a call, have it expire, and keep what comes of it."""
        actor, database = self.actor(), self.server.services.ports.database
        progress = await read_progress(database, replace(lease, epoch=2))
        asked = NewCall(Asked("call_1", "delete", {}), needs_approval=True)
        assert await keep_calls(actor, lease, progress, [asked], CALL) == []
        late = f"{BY_TEST} UPDATE tool_call SET expires_at = $2 WHERE message_id = $1"
        await self.server.sql(late, lease.message_id, _ago())
        assert await expire_tool_calls(actor) == 1
        again = await claim_generations(actor, "worker", 6, 9, LEASE)
        (lease,) = (one for one in again if one.message_id == lease.message_id)
        progress = await read_progress(database, lease)
        denied = {call.id: ToolCallState.DENIED for call in progress.open}
        assert await keep_results(actor, lease, progress, denied)

    async def tidy(self) -> None:
        actor = self.actor()
        ids = [await self.enqueue() for _ in range(2)]
        late = (
            f"{BY_TEST} UPDATE agent_run SET status = $2, updated_at = $3, lease_until = $3 "
            "WHERE id = $1"
        )
        for id, status in zip(ids, ("PENDING", "RUNNING"), strict=True):
            await self.server.sql(late, id, status, _ago())
        assert await reap_runs(actor) == 1
        await self.do("deleteProject", "{ deletedProjectId }", id=self.project)
        await self.leaving()
        due = f"{BY_TEST} UPDATE deletion_job SET due_at = $2 WHERE root_id = $1"
        for root in (self.project, self.org_of(0)):
            await self.server.sql(due, root, _ago())
        while await work_off_deletion(actor, 50):
            pass
        old = f"{BY_TEST} UPDATE event_log SET at = $1 WHERE position < 10"
        await self.server.sql(old, _ago())
        await forget_the_old(actor.database, actor.clock)
        await forget_expired(actor)
        assert not await forget_windows(actor)
        assert not await forget_short_windows(actor)
        due = f"{BY_TEST} UPDATE stored_file SET due_at = $2 WHERE owner_id = $1"
        await self.server.sql(due, self.filling.users[0], _ago())
        assert await sweep_files(actor, self.server.services.storage)

    def actor(self) -> Actor:
        """The system itself, as workers act."""
        ports = self.server.services.ports
        return Actor(SIGNED_OUT, ports.database, ports.clock, ports.bus, ports.models)


def _window(lease: Lease) -> Window:
    return Window(lease.generation_id, lease.message_id, lease.epoch, 0, 0, "text", "Hello")


def _now() -> datetime:
    return datetime.now(UTC)


def _ago() -> datetime:
    return _now() - timedelta(days=2)
