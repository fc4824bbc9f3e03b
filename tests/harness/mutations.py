"""Every mutation of the API with an input that works: what tests of all mutations walk over."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from graphql import GraphQLObjectType, get_named_type, is_leaf_type

from graphql_schema.schema import graphql_core_schema
from models import ids
from models.accounts.verifications import Purpose
from models.accounts.webhook_events import WebhookEvent
from models.billing.pending_subscriptions import PendingSubscription
from models.chat.conversations import Conversation
from models.files.media_types import FIG
from models.permissions import Role
from tests.harness.accounts import PASSWORD
from tests.harness.api import Api, Server
from tests.harness.planting import (
    make_operator,
    plant,
    plant_grant,
    plant_grants,
    plant_import,
    plant_password,
    plant_session,
    plant_subscription,
    plant_usage,
    plant_user_key,
    plant_verification,
    plant_way_in,
)
from tests.harness.planting_chat import plant_tool_call
from tests.harness.planting_orgs import (
    plant_api_token,
    plant_empty_org,
    plant_invited,
    plant_member,
)
from tests.harness.polar import PRO, customer, subscription
from tests.harness.sharing import share
from tests.harness.uploading import announce, image, put, send
from tests.harness.verbs import id_of

FILES = {"src/app.ts": "export {}", "readme.md": "# Read me"}
IMAGE = {"url": "https://files.example/a.png", "size": 9, "width": 3, "height": 4}


@dataclass(frozen=True, slots=True)
class Scene:
    """Who calls, and the things that a mutation needs before it."""

    server: Server
    caller: Api

    async def folder(self) -> str:
        """A folder's id."""
        return (await self.caller.do("createFolder", "{ it: project { id } }", name="F"))["it"][
            "id"
        ]

    async def conversation(self) -> str:
        """The id of a conversation with a message and an answer that was stopped."""
        return (await self._talk())["conversation"]["id"]

    async def answer(self) -> str:
        """The id of that answer."""
        return (await self._talk())["reply"]["id"]

    async def question(self) -> str:
        """The id of that message."""
        return (await self._talk())["message"]["id"]

    async def deletion(self) -> str:
        """The id of the deletion of that message."""
        await self.caller.do("deleteMessage", "{ __typename }", id=await self.question())
        found = await self.caller.run("{ deletions(first: 1) { nodes { id } } }")
        return found["deletions"]["nodes"][0]["id"]

    async def _talk(self) -> Any:
        made = await self.caller.do(
            "startConversation", "{ conversation { id } message { id } reply { id } }", content="Hi"
        )
        await self.caller.do("stopMessage", "{ __typename }", id=made["reply"]["id"])
        return made

    async def session(self) -> str:
        """The id of a session that the caller uses from here on."""
        id, token = await plant_session(self.server, await id_of(self.caller))
        self.caller.token = token
        return id

    async def password(self) -> str:
        """The address of the caller, who has a password from here on."""
        user = await id_of(self.caller)
        email = f"{user}@example.com"
        await plant_password(self.server, user, email, PASSWORD)
        return email

    async def project(self) -> str:
        """An empty app project's id."""
        made = await self.caller.do(
            "createProject", "{ project { id } }", name="One", framework="VUE"
        )
        return made["project"]["id"]

    async def message(self) -> str:
        """The id of a user's message that nothing answers, in a project of its own."""
        to = {"projectId": await self.project()}
        made = await self.caller.do("createMessage", "{ message { id } }", to=to, content="One")
        return made["message"]["id"]

    async def reply(self) -> str:
        """The id of an answer that is being written."""
        made = await self.caller.do("createProjectWithMessage", "{ reply { id } }", content="One")
        return made["reply"]["id"]

    async def tool_call(self) -> str:
        """The id of a call of that answer's that waits for approval."""
        return await plant_tool_call(self.server, await self.reply())

    async def snapshot(self) -> str:
        """A snapshot's id."""
        project = await self.project()
        made = await self.caller.do(
            "saveFiles", "{ fileSnapshot { id } }", projectId=project, files=FILES
        )
        return made["fileSnapshot"]["id"]

    async def draft(self) -> str:
        """The id of a project that has a draft."""
        project = await self.project()
        await self.caller.do(
            "saveFragmentDraft", "{ draft { id } }", projectId=project, files=FILES
        )
        return project

    async def run(self) -> str:
        """The id of a run that waits to be claimed."""
        made = await self.caller.do(
            "enqueueAgentRun", "{ agentRun { id } }", projectId=await self.project(), value="Do"
        )
        return made["agentRun"]["id"]

    async def sent_run(self) -> str:
        """The id of a waiting run whose message was sent with it."""
        made = await self.caller.do(
            "createProjectWithMessage",
            "{ agentRun { id } }",
            content="Do",
            runSource="WEBCONTAINER",
        )
        return made["agentRun"]["id"]

    async def claimed(self) -> str:
        """The id of a run that the caller has claimed."""
        run = await self.sent_run()
        await self.caller.do("claimAgentRun", "{ agentRun { id } }", id=run)
        return run

    async def org(self) -> str:
        """The id of an organisation of the caller's."""
        return (await plant_empty_org(self.server, await id_of(self.caller)))[0]

    async def org_member(self) -> str:
        """The id of another member of one."""
        user = ids.new_id("usr")
        return await plant_member(self.server, await self.org(), user, Role.EDITOR)

    async def shared_org(self) -> str:
        """An organisation with another owner."""
        org = await self.org()
        await plant_member(self.server, org, ids.new_id("usr"), Role.OWNER)
        return org

    async def invited(self) -> str:
        """The id of an invitation to the caller's organisation."""
        by = await id_of(self.caller)
        return (await plant_invited(self.server, await self.org(), by))[0]

    async def invitation(self) -> str:
        """The token of an invitation to somebody else's."""
        stranger = ids.new_id("usr")
        org, _ = await plant_empty_org(self.server, stranger)
        return (await plant_invited(self.server, org, stranger))[1]

    async def upload(self) -> str:
        """The id of a file whose bytes were sent, but not looked at."""
        upload = await announce(self.caller, b"Hello", "text/plain")
        assert (await put(self.caller, upload, b"Hello")).status == 204
        return upload.id

    async def picture(self) -> str:
        """The id of a file that is complete, and may be an avatar."""
        return (await send(self.caller, image(), "image/png", purpose="AVATAR"))["id"]

    async def connected(self) -> None:
        """Have the caller have GitHub and Figma connected."""
        await plant_grants(self.server, await id_of(self.caller))

    async def figma_upload(self) -> str:
        """The id of a complete `.fig` file."""
        return (await send(self.caller, b"fig-kiwi" + bytes(9), FIG, fileName="a.fig"))["id"]

    async def import_(self) -> str:
        """The id of an import that nobody carries out."""
        project, user = await self.project(), await id_of(self.caller)
        return await plant_import(self.server, user, project, None)

    async def user_key(self) -> str:
        """The id of a key of the caller's."""
        return await plant_user_key(self.server, await id_of(self.caller))

    async def grant(self) -> str:
        """The id of the caller's connection to GitHub."""
        user = await id_of(self.caller)
        known = await self.server.sql("SELECT id FROM oauth_connection WHERE user_id = $1", user)
        return known[0]["id"] if known else await plant_grant(self.server, user)

    async def share_token(self) -> str:
        """The token of a link that shows a conversation with an answer."""
        message = await self.answer()
        sql = "SELECT conversation_id AS id FROM message WHERE id = $1"
        (conversation,) = await self.server.sql(sql, message)
        return (await share(self.caller, conversation["id"]))[0]

    async def share_link(self) -> str:
        """The id of such a link."""
        return (await share(self.caller, await self.conversation()))[1]

    async def api_token(self) -> str:
        """The id of a token for scripts."""
        return await plant_api_token(self.server, await id_of(self.caller))


Input = dict[str, Any]
Prepare = Callable[[Scene], Awaitable[Input]]


def _input(**given: Any) -> Prepare:
    async def made(_scene: Scene) -> Input:
        return given

    return made


async def _create_guest(scene: Scene) -> Input:
    return {"name": "Someone"}


async def _create_project(scene: Scene) -> Input:
    return {"name": "Made", "framework": "REACT", "showcased": True, "description": "All of it"}


async def _update_project(scene: Scene) -> Input:
    return {"id": await scene.project(), "name": "Two", "showcased": True}


async def _delete_project(scene: Scene) -> Input:
    await scene.reply()
    (row,) = await scene.server.sql("SELECT id FROM project ORDER BY created_at DESC LIMIT 1")
    return {"id": row["id"]}


async def _create_project_with_message(scene: Scene) -> Input:
    return {"content": "Make it", "attachments": [IMAGE], "clientMessageId": "mine"}


async def _send_message(scene: Scene) -> Input:
    (row,) = await scene.server.sql(
        "SELECT project_id FROM message WHERE id = $1", await scene.reply()
    )
    to = {"projectId": row["project_id"]}
    return {"to": to, "content": "Again", "attachments": [IMAGE], "supersede": True}


async def _create_message(scene: Scene) -> Input:
    return {"to": {"projectId": await scene.project()}, "content": "A note"}


async def _update_conversation(scene: Scene) -> Input:
    given = {"id": await scene.conversation(), "projectId": await scene.folder()}
    return {**given, "title": "Quinces", "pinned": True, "status": "ARCHIVED", "task": "jam"}


async def _select_branch(scene: Scene) -> Input:
    question = await scene.question()
    await scene.caller.do("editMessage", "{ __typename }", id=question, content="Other")
    return {"id": question}


async def _upsert_fragment(scene: Scene) -> Input:
    return {
        "messageId": await scene.message(),
        "sandboxUrl": "https://box.example",
        "title": "A fragment",
        "files": FILES,
        "framework": "VUE",
        "metadata": {"a": [1, None, "x"]},
    }


def _by_nothing(**given: Any) -> Prepare:
    async def made(scene: Scene) -> Input:
        return given

    return made


def _by_id(prepare: Callable[[Scene], Awaitable[str]], **more: Any) -> Prepare:
    async def made(scene: Scene) -> Input:
        return {"id": await prepare(scene), **more}

    return made


def _in(field: str, prepare: Callable[[Scene], Awaitable[str]], **more: Any) -> Prepare:
    async def made(scene: Scene) -> Input:
        return {field: await prepare(scene), **more}

    return made


async def _sign_in(scene: Scene) -> Input:
    return {"email": await scene.password(), "password": PASSWORD}


async def _in_a_session(scene: Scene) -> Input:
    await scene.session()
    return {}


async def _proven(scene: Scene, purpose: Purpose, **more: Any) -> str:
    user = await id_of(scene.caller)
    _, token = await plant_verification(
        scene.server, purpose, f"{user}@example.com", user_id=user, **more
    )
    return token


async def _verify_email(scene: Scene) -> Input:
    return {"token": await _proven(scene, Purpose.CHANGE_EMAIL)}


async def _reset_password(scene: Scene) -> Input:
    await scene.password()
    return {"token": await _proven(scene, Purpose.RESET_PASSWORD), "password": PASSWORD * 2}


async def _change_password(scene: Scene) -> Input:
    await scene.password()
    await scene.session()
    return {"currentPassword": PASSWORD, "password": PASSWORD * 2}


async def _change_email(scene: Scene) -> Input:
    await scene.password()
    return {"currentPassword": PASSWORD, "email": "new@example.com"}


async def _revoke_others(scene: Scene) -> Input:
    await plant_session(scene.server, await id_of(scene.caller))
    return {"id": await scene.session()}


async def _unlink_account(scene: Scene) -> Input:
    return {"id": await plant_way_in(scene.server, await id_of(scene.caller))}


async def _claim_guest(scene: Scene) -> Input:
    made = await scene.server.nobody().do("createGuest", "{ token }")
    guest = Api(scene.caller.session, scene.server.url, made["token"])
    await Scene(scene.server, guest).reply()
    return {"token": made["token"]}


async def _delete_me(scene: Scene) -> Input:
    await scene.password()
    await scene.project()
    return {"currentPassword": PASSWORD}


async def _send_feedback(scene: Scene) -> Input:
    # From here on what is sent is counted in rows that are there.
    await scene.caller.do("sendFeedback", "{ sent }", message="Good.")
    return {"message": "Well made."}


async def _create_upload(scene: Scene) -> Input:
    await scene.upload()  # from here on uploads are counted in a row that is there
    return {"fileName": "a.txt", "contentType": "text/plain", "size": 5}


async def _delete_avatar(scene: Scene) -> Input:
    await scene.caller.do("setAvatar", "{ user { id } }", fileId=await scene.picture())
    return {}


async def _export_my_data(scene: Scene) -> Input:
    await scene.password()
    return {"currentPassword": PASSWORD}


async def _remove_favourite(scene: Scene) -> Input:
    await scene.caller.do("addFavoriteModel", "{ user { id } }", model="mock:slow")
    return {"model": "mock:slow"}


async def _create_org(scene: Scene) -> Input:
    return {"name": "Orchard", "slug": f"orchard-{ids.new_id('org')[4:]}"}


async def _update_org(scene: Scene) -> Input:
    new = f"garden-{ids.new_id('org')[4:]}"
    return {"id": await scene.org(), "name": "Garden", "slug": new}


async def _move_conversation(scene: Scene) -> Input:
    user = await id_of(scene.caller)
    loose = await plant(scene.server, Conversation, user_id=user, owner_id=user)
    return {"id": loose, "orgId": await scene.org()}


async def _move_project(scene: Scene) -> Input:
    return {"id": await scene.project(), "orgId": await scene.org()}


async def _invite(scene: Scene) -> Input:
    return {"orgId": await scene.org(), "email": "eve@example.org", "role": "EDITOR"}


async def _set_user_key(scene: Scene) -> Input:
    for row in (await scene.caller.run("{ userKeys { id } }"))["userKeys"]:
        await scene.caller.do("deleteUserKey", "{ __typename }", id=row["id"])
    return {"provider": "openai", "key": "sk-0123456789abcdef"}


async def _set_plan(scene: Scene) -> Input:
    await make_operator(scene.server, scene.caller)
    return {"id": await scene.org(), "plan": "pro", "limits": {"members": 50}}


async def _subscription(scene: Scene) -> Input:
    await scene.caller.do("syncSubscription", "{ __typename }")  # from here on it is counted
    return {"id": await plant_subscription(scene.server, await id_of(scene.caller))}


async def _pay(scene: Scene) -> Input:
    await scene.caller.do("syncSubscription", "{ __typename }")
    return {"productId": PRO}


async def _portal(scene: Scene) -> Input:
    await _subscription(scene)
    return {}


async def _sync(scene: Scene) -> Input:
    return {"id": (await _subscription(scene))["id"]}


async def _grant(scene: Scene) -> Input:
    await make_operator(scene.server, scene.caller)
    return {"userId": await id_of(scene.caller), "planTier": "PRO"}


async def _end(scene: Scene) -> Input:
    given = await _grant(scene)
    made = await scene.caller.do("grantSubscription", "{ subscriptionId }", **given)
    return {"id": made["subscriptionId"]}


async def _reconcile(scene: Scene) -> Input:
    await make_operator(scene.server, scene.caller)
    id = await plant_subscription(scene.server, await id_of(scene.caller))
    (row,) = await scene.server.sql(
        "SELECT polar_subscription_id FROM subscription WHERE id = $1", id
    )
    return {"polarSubscriptionId": row["polar_subscription_id"]}


async def _resolve(scene: Scene) -> Input:
    await make_operator(scene.server, scene.caller)
    data = subscription(new := f"sub-{ids.new_id('row')}", customer(f"cus-of-{new}"))
    told = {"polar_subscription_id": new, "customer_id": f"cus-of-{new}", "event_data": data}
    id = await plant(scene.server, PendingSubscription, **told)
    return {"id": id, "userId": await id_of(scene.caller)}


async def _replay(scene: Scene) -> Input:
    await make_operator(scene.server, scene.caller)
    told = {"event_id": ids.new_id("row"), "event_type": "benefit.created"}
    return {"id": await plant(scene.server, WebhookEvent, payload={"data": {}}, **told)}


async def _importing(scene: Scene, mutation: str, **given: Any) -> Input:
    """An input of an import; from here on imports are counted in a row that is there."""
    given["projectId"] = await scene.project()
    await scene.connected()
    earlier = (await scene.caller.do(mutation, "{ import { id } }", **given))["import"]["id"]
    await scene.caller.do("cancelImport", "{ __typename }", id=earlier)
    return given


async def _import_github(scene: Scene) -> Input:
    return await _importing(scene, "importGithubRepository", repository="octocat/hello", ref="v1")


async def _import_figma(scene: Scene) -> Input:
    return await _importing(scene, "importFigmaFile", file="abcDEF123456")


async def _import_upload(scene: Scene) -> Input:
    return await _importing(scene, "importFigmaUpload", fileId=await scene.figma_upload())


async def _close_period(scene: Scene) -> Input:
    await make_operator(scene.server, scene.caller)
    return {"orgId": await scene.org(), "billingPeriod": "2020-02"}


async def _settle_invoice(scene: Scene) -> Input:
    closing = await _close_period(scene)
    closed = await scene.caller.do("closePeriod", "{ invoice { id } }", **closing)
    return {"id": closed["invoice"]["id"], "status": "PAID"}


async def _reset_credits(scene: Scene) -> Input:
    await make_operator(scene.server, scene.caller)
    user = await id_of(scene.caller)
    await plant_usage(scene.server, user)
    return {"userId": user}


EVERY: dict[str, Prepare] = {
    "createCheckout": _pay,
    "createCustomerPortal": _portal,
    "cancelSubscription": _subscription,
    "resumeSubscription": _subscription,
    "syncSubscription": _sync,
    "grantSubscription": _grant,
    "endSubscription": _end,
    "reconcileSubscription": _reconcile,
    "resolvePendingSubscription": _resolve,
    "replayWebhookEvent": _replay,
    "signUp": _input(email="ada@example.com", password=PASSWORD, name="Ada"),
    "verifyEmail": _verify_email,
    "signIn": _sign_in,
    "signOut": _in_a_session,
    "rotateSession": _in_a_session,
    "revokeSession": _by_id(Scene.session),
    "revokeOtherSessions": _revoke_others,
    "requestPasswordReset": _input(email="ada@example.com"),
    "resetPassword": _reset_password,
    "changePassword": _change_password,
    "changeEmail": _change_email,
    "unlinkAccount": _unlink_account,
    "claimGuest": _claim_guest,
    "deleteMe": _delete_me,
    "exportMyData": _export_my_data,
    "updatePreferences": _input(layout="sidebar", hiddenModels=["mock:slow"]),
    "updateProfile": _input(name="Ada L.", systemPrompt="Be brief."),
    "updateFavoriteModels": _input(models=["mock:slow", "mock:fail"]),
    "addFavoriteModel": _input(model="mock:slow"),
    "removeFavoriteModel": _remove_favourite,
    "createOrg": _create_org,
    "updateOrg": _update_org,
    "deleteOrg": _by_id(Scene.org),
    "transferOrg": _in("memberId", Scene.org_member),
    "setOrgPlan": _set_plan,
    "closePeriod": _close_period,
    "settleInvoice": _settle_invoice,
    "setBudget": _input(softLimit=8, hardLimit=10),
    "resetCredits": _reset_credits,
    "inviteOrgMember": _invite,
    "resendInvitation": _by_id(Scene.invited),
    "revokeInvitation": _by_id(Scene.invited),
    "acceptInvitation": _in("token", Scene.invitation),
    "declineInvitation": _in("token", Scene.invitation),
    "updateOrgMember": _by_id(Scene.org_member, role="BILLING"),
    "removeOrgMember": _by_id(Scene.org_member),
    "leaveOrg": _in("orgId", Scene.shared_org),
    "createApiToken": _by_nothing(name="Script", scopes=["READ"], days=7),
    "revokeApiToken": _by_id(Scene.api_token),
    "createUpload": _create_upload,
    "completeUpload": _by_id(Scene.upload),
    "deleteFile": _by_id(Scene.upload),
    "setAvatar": _in("fileId", Scene.picture),
    "deleteAvatar": _delete_avatar,
    "setUserKey": _set_user_key,
    "updateUserKey": _by_id(Scene.user_key, mode="FALLBACK"),
    "deleteUserKey": _by_id(Scene.user_key),
    "testUserKey": _by_id(Scene.user_key),
    "updateOauthConnection": _by_id(Scene.grant, metadata={"team": "blue"}),
    "revokeOauthConnection": _by_id(Scene.grant),
    "moveProject": _move_project,
    "moveConversation": _move_conversation,
    "createGuest": _create_guest,
    "createProject": _create_project,
    "updateProject": _update_project,
    "deleteProject": _delete_project,
    "createProjectWithMessage": _create_project_with_message,
    "sendMessage": _send_message,
    "stopMessage": _by_id(Scene.reply),
    "approveToolCall": _by_id(Scene.tool_call),
    "denyToolCall": _by_id(Scene.tool_call),
    "createMessage": _create_message,
    "createFolder": _input(name="A folder"),
    "createConversation": _in("projectId", Scene.folder, title="One", systemPrompt="Be kind."),
    "startConversation": _in(
        "projectId", Scene.folder, content="Hi", models=["mock:raypx-1", "mock:slow"]
    ),
    "updateConversation": _update_conversation,
    "markConversationRead": _by_id(Scene.conversation, orderId=1),
    "clearConversation": _by_id(Scene.conversation),
    "deleteConversation": _by_id(Scene.conversation),
    "deleteMessage": _by_id(Scene.question),
    "undoDeletion": _by_id(Scene.deletion),
    "emptyDeletion": _by_id(Scene.deletion),
    "editMessage": _by_id(Scene.question, content="Better", attachments=[IMAGE]),
    "regenerateMessage": _by_id(Scene.answer),
    "selectBranch": _select_branch,
    "forkConversation": _in("messageId", Scene.answer),
    "createShareLink": _in(
        "conversationId", Scene.conversation, mode="NAMED", people=["eve@example.org"]
    ),
    "revokeShareLink": _by_id(Scene.share_link),
    "forkSharedConversation": _in("token", Scene.share_token),
    "rateMessage": _in("messageId", Scene.answer, rating=1, comment="Ripe."),
    "sendFeedback": _send_feedback,
    "updateMessage": _by_id(Scene.message, content="Better"),
    "upsertFragment": _upsert_fragment,
    "addAttachment": _in("messageId", Scene.message, **IMAGE),
    "saveFragmentDraft": _in("projectId", Scene.project, files=FILES),
    "clearFragmentDraft": _in("projectId", Scene.draft),
    "saveFiles": _in("projectId", Scene.project, files=FILES),
    "restoreFileSnapshot": _by_id(Scene.snapshot),
    "enqueueAgentRun": _in("projectId", Scene.project, value="Do this"),
    "claimAgentRun": _by_id(Scene.sent_run, worker="tab"),
    "heartbeatAgentRun": _by_id(Scene.claimed),
    "completeAgentRun": _by_id(Scene.claimed, summary="Done", files=FILES),
    "failAgentRun": _by_id(Scene.claimed, error="It broke."),
    "cancelAgentRun": _by_id(Scene.sent_run),
    "importGithubRepository": _import_github,
    "importFigmaFile": _import_figma,
    "importFigmaUpload": _import_upload,
    "cancelImport": _by_id(Scene.import_),
}
"""Each mutation with what makes an input for it; worker-less servers only, so nothing moves."""


def mutations() -> dict[str, Any]:
    """The mutation fields of the schema."""
    root = graphql_core_schema().mutation_type
    assert root is not None
    return root.fields


def whole(mutation: str) -> str:
    """Every leaf field of a mutation's payload and of the rows in it."""
    return _selection(get_named_type(mutations()[mutation].type), deeper=True)


def _selection(kind: Any, *, deeper: bool) -> str:
    found: list[str] = []
    for name, field in kind.fields.items():
        target = get_named_type(field.type)
        if is_leaf_type(target):
            found.append(name)
        elif deeper and isinstance(target, GraphQLObjectType):
            found.append(f"{name} {_selection(target, deeper=False)}")
    return f"{{ {' '.join(found)} }}"
