"""The tables of the chat app, in an order in which each finds what it refers to."""

from __future__ import annotations

from app.convex.chat_readers import (
    attached,
    e_mail,
    file_name,
    flag,
    guest_key,
    model_names,
    number,
    picture,
    with_text,
)
from app.convex.owners import OWN, PREFERENCES, ROOT, USER
from app.convex.placing import told
from app.convex.readers import text, web_address
from app.convex.resolving import NEWEST
from app.convex.source import NOW, Aside, Link, Source
from models.accounts.feedback import Feedback
from models.accounts.preferences import UserPreferences
from models.accounts.users import NAME_LIMIT, User
from models.billing.anonymous_usage import AnonymousUsage
from models.chat.attachments import Attachment
from models.chat.conversations import DEFAULT_TITLE, Conversation
from models.chat.messages import Message
from models.chat.projects import Project
from models.chat.share_links import ShareLink
from models.fields import KEY_TYPE
from models.files.stored_files import StoredFile

AUTHOR = {"user": Link("userId", "users", required=False, own="user_.id = conversation_.user_id")}
CHAT = {"conversation": Link("chatId", "chats")}
PART = {"owner_id": "conversation_.owner_id"}

_HELD = (
    "EXISTS (SELECT FROM user_account o WHERE o.email = s.email AND o.deleted_at IS NULL "
    "AND o.id <> coalesce(e.id, s.user_key))"
)

_LINK = "'shr' || substr(t.id, 4)"
_PUBLIC = f"""\
CASE WHEN s.public THEN NOT EXISTS (
    SELECT FROM import_mark k LEFT JOIN share_link l ON l.id = k.row_id
    WHERE k.row_id = {_LINK} AND l.id IS NULL
) ELSE EXISTS (
    SELECT FROM share_link l
    WHERE l.conversation_id = t.id AND l.mode = 'public' AND l.id <> {_LINK}
) END"""
"""Whether a chat that was imported before is public, after what was shared and ended here."""

USERS = Source(
    "users",
    User,
    required="clerkId email",
    optional="displayName profileImage anonymous premium messageCount dailyMessageCount dailyReset "
    "dailyProMessageCount dailyProReset lastActiveAt favoriteModels systemPrompt",
    subject="clerkId",
    renamed={"displayName": "name", "profileImage": "avatar_url"},
    readers={"email": e_mail, "profileImage": picture, "favoriteModels": model_names},
    values={
        "name": f"coalesce(s.name, left(s.clerk_id, {NAME_LIMIT}))",
        "email": f"CASE WHEN row_number() OVER (PARTITION BY s.email ORDER BY {NEWEST}) = 1 "
        f"AND NOT {_HELD} THEN s.email END",
    },
    id="s.user_key",
    match="e.clerk_id = s.clerk_id OR e.id = s.user_key",
    one_per="s.clerk_id",
    adopts=True,
    flawed={"e-mail left out: another user has it": "s.email IS NOT NULL AND r.email IS NULL"},
)
CHOSEN_PREFERENCES = Source(
    "userPreferences",
    UserPreferences,
    optional="layout promptSuggestions showToolInvocations showConversationPreviews "
    "multiModelEnabled hiddenModels",
    also="userPrefs",
    spelt={
        "promptSuggestions": "promptSugg",
        "showToolInvocations": "toolInvoc",
        "showConversationPreviews": "convPrev",
        "multiModelEnabled": "multiModel",
        "hiddenModels": "hiddenMdls",
    },
    links=USER,
    readers={"hiddenModels": model_names},
    values=OWN,
    id="'prf' || substr(user_.id, 4)",
    match="e.user_id = user_.id",
    one_per="user_.id",
    adopts=True,
)
PROJECTS = Source(
    "projects", Project, required="name", links=USER, values=ROOT | {"kind": "'FOLDER'"}
)
CHATS = Source(
    "chats",
    Conversation,
    required="public pinned",
    optional="title model systemPrompt pinnedAt",
    links=USER | {"project": Link("projectId", "projects", required=False)},
    values=ROOT
    | {
        "title_source": f"CASE WHEN s.title <> '{DEFAULT_TITLE}' THEN 'user' END",
        "pinned_at": "CASE WHEN s.pinned THEN coalesce(s.pinned_at, s.updated_at, s.doc_made) END",
    },
    # A chat that was moved to another owner here can't lie in a folder of the source's.
    changes={
        "project_id": "CASE WHEN s.project_id IS NOT NULL "
        "THEN coalesce(r.project_id, t.project_id) END",
        "public": _PUBLIC,
    },
)
SHARE_LINKS = Source(
    "shareLinks",
    ShareLink,
    links=CHAT,
    values=PART
    | {
        "user_id": "conversation_.user_id",
        "mode": "'public'",
        "token_hash": "encode(sha256(convert_to(s.id, 'UTF8')), 'hex')",
        "expires_at": f"CASE WHEN NOT s.public THEN {NOW} END",
    },
)
MESSAGES = Source(
    "messages",
    Message,
    required="role",
    optional="content parts messageGroupId model",
    links=CHAT | AUTHOR,
    prepare=with_text,
    asides={
        "orderId": Aside("double precision", number),
        "attachments": Aside("text", attached),
        "parentMessageId": Aside(KEY_TYPE, text),
        "branchIndex": Aside("double precision", number),
        "selected": Aside("boolean", flag),
    },
    values=PART
    | {
        "user_id": "CASE WHEN s.user_id IS NULL AND s.role = 'USER' THEN conversation_.user_id "
        "ELSE user_.id END",
        "outcome": "CASE s.role WHEN 'ASSISTANT' THEN 'SUCCEEDED' END",
    },
    tells=told(
        "coalesce(s.order_id, extract(epoch FROM s.created_at) * 1000, s.doc_at)",
        group="s.message_group_id",
        parent="s.parent_message_id",
        root="s.branch_index IS NOT NULL",
        selected="s.selected",
    ),
    changes={"content_epoch": "t.content_epoch + 1"},
)
STORAGE = Source(
    "_storage",
    StoredFile,
    asides={"contentType": Aside("text", text)},
    unused=frozenset({"size", "sha256", "internalId"}),
)
FILES = Source(
    "files",
    StoredFile,
    optional="storageKey fileName contentType size sha256 width height hasThumbnail",
    links=CHAT,
    values=PART
    | {
        "user_id": "conversation_.user_id",
        "purpose": "'attachment'",
        "state": "'ready'",
        # A worker looks then whether anything refers to it.
        "due_at": f"{NOW} + interval '1 day'",
    },
    tells={
        f"told_{name}": f"coalesce(s.{name}, e.{name})"
        for name in ("content_type", "size", "width", "height")
    },
    follows=False,
)
CHAT_ATTACHMENTS = Source(
    "chatAttachments",
    Attachment,
    required="fileUrl",
    optional="fileName fileType fileSize",
    links=CHAT | USER | {"stored_file": Link("storageId", "files", required=False)},
    renamed={"fileUrl": "url", "fileSize": "size"},
    readers={"fileUrl": web_address, "fileName": file_name},
)
ATTACHMENTS = Source(
    "attachments",
    Attachment,
    optional="fileName",
    links=CHAT
    | AUTHOR
    | {
        "message": Link("messageId", "messages", required=False),
        "stored_file": Link("storageId", "files", required=False),
    },
    values=PART
    | {
        "user_id": "coalesce(user_.id, conversation_.user_id)",
        "url": "CASE WHEN stored_file_.gone IS NOT FALSE THEN s.url END",
        "file_type": "coalesce(stored_file_.told_content_type, s.file_type)",
        "size": "coalesce(stored_file_.told_size, s.size, 0)",
        "width": "stored_file_.told_width",
        "height": "stored_file_.told_height",
        "type": "CASE WHEN coalesce(stored_file_.told_content_type, s.file_type) LIKE 'image/%' "
        "THEN 'IMAGE' ELSE 'FILE' END",
    },
    counted={"in no message": "r.message_id IS NULL"},
)
FEEDBACK = Source("feedback", Feedback, required="message", links=USER)
ANONYMOUS_USAGE = Source(
    "anonymousUsage",
    AnonymousUsage,
    required="anonymousId dailyMessageCount dailyReset",
    spelt={"dailyMessageCount": "dailyCount"},
    readers={"anonymousId": guest_key},
    match="e.anonymous_id = s.anonymous_id",
    one_per="s.anonymous_id",
)

TABLES = (
    *(USERS, CHOSEN_PREFERENCES, PROJECTS, CHATS, MESSAGES, CHAT_ATTACHMENTS, STORAGE),
    *(FEEDBACK, ANONYMOUS_USAGE),
)
"""What is read from the snapshot."""

ORDER = (
    *(USERS, CHOSEN_PREFERENCES, PREFERENCES, PROJECTS, CHATS, SHARE_LINKS),
    *(MESSAGES, FILES, ATTACHMENTS, FEEDBACK, ANONYMOUS_USAGE),
)
"""What is merged, and in what order."""

LEFT_OUT = {
    "userKeys": "left out: only the old deployment can decrypt them",
    "embeddings": "left out: they are made from texts",
}
