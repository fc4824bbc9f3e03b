"""What an import takes of a user's export, as data: tables, the rows of them, and their columns.

A table that is not here is left out: ways in, sessions, tokens, keys, money, logs, links for
readers, and work that is under way. A row is taken when it is new and what it lies in is taken with
it; what is here already stays as it is, with all in it. The SQL speaks of `s`, the row as the file
has it, of `own_<table>`, what the file has of a table, and of `own_target`, the new owner.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from app.own_imports.checks import Row, address, allowed_type, models_in, safe_paths
from models.accounts.preferences import UserPreferences
from models.accounts.users import User
from models.builder.agent_runs import AgentRun
from models.builder.drafts import FragmentDraft
from models.builder.fragments import Fragment
from models.builder.imports import Import
from models.builder.snapshots import FileSnapshot
from models.chat.attachments import Attachment
from models.chat.conversations import Conversation
from models.chat.message_feedback import MessageFeedback
from models.chat.messages import Message
from models.chat.projects import Project
from models.chat.tool_calls import ToolCall
from models.files.stored_files import StoredFile

if TYPE_CHECKING:
    from models.base import Record


@dataclass(frozen=True)
class Taken:
    """A table of which rows are taken.

    `columns` are those that the file may set, besides the id and the times; `values` those that SQL
    sets; all others get the defaults of a new row. `when` is the condition beside being new.
    `check` raises Invalid for a row that no export of ours has.
    """

    model: type[Record]
    columns: str = ""
    values: Mapping[str, str] = field(default_factory=dict[str, str])
    when: str = "true"
    check: Callable[[Row], None] = lambda _row: None


def staged(model: type[Record]) -> str:
    """The relation that holds what the file has of a table."""
    return f"own_{model.table()}"


def _with(model: type[Record], column: str) -> str:
    """The condition that what a column names is taken."""
    return f"EXISTS (SELECT 1 FROM {staged(model)} w WHERE w.id = s.{column} AND w.taken)"


def _link(model: type[Record], column: str) -> dict[str, str]:
    """A column that is null unless what it names is taken."""
    sql = f"(SELECT w.id FROM {staged(model)} w WHERE w.id = s.{column} AND w.taken)"
    return {column: sql}


OWNER = "(SELECT id FROM own_target)"
_OWN = {"owner_id": OWNER}
_UNFINISHED = "(s.status <> 'COMPLETE' OR s.outcome = 'AWAITING_APPROVAL')"
_UNFINISHED_IMPORT = "s.status IN ('PENDING', 'PROCESSING')"
_FOLDER = f"""\
coalesce((SELECT w.id FROM own_project w WHERE w.id = s.project_id AND w.taken),
    (SELECT p.id FROM project p WHERE p.id = s.project_id AND p.owner_id = {OWNER}
        AND p.kind = 'FOLDER' AND p.deleted_at IS NULL))"""
_MAIN = "(SELECT w.project_id FROM own_conversation w WHERE w.id = s.conversation_id AND w.main)"
_LAST_ORDER = """\
greatest(s.last_order_id,
    (SELECT max(m.order_id) FROM own_message m WHERE m.conversation_id = s.id))"""
_ONE_MAIN = """\
(s.kind = 'FOLDER' OR (SELECT count(*) FROM own_conversation w
    WHERE w.project_id = s.id AND w.main AND w.deleted_at IS NULL) = 1)"""
_WANTED = """\
s.state = 'ready' AND s.deleted_at IS NULL AND (
    s.purpose = 'attachment' AND EXISTS (SELECT 1 FROM own_attachment a
        JOIN own_message w ON w.id = a.message_id WHERE a.stored_file_id = s.id AND w.taken)
    OR s.purpose = 'avatar' AND EXISTS (
        SELECT 1 FROM own_user_account w WHERE w.avatar_file_id = s.id))"""
_FILE_THERE = f"""\
(s.stored_file_id IS NULL
OR EXISTS (SELECT 1 FROM own_stored_file w
    WHERE w.id = s.stored_file_id AND w.taken AND w.purpose = 'attachment')
OR EXISTS (SELECT 1 FROM stored_file w WHERE w.id = s.stored_file_id AND w.owner_id = {OWNER}
    AND w.state = 'ready' AND w.purpose = 'attachment' AND w.deleted_at IS NULL))"""

_PICTURE = """\
(SELECT w.id FROM own_stored_file w
WHERE w.id = s.avatar_file_id AND w.taken AND w.purpose = 'avatar')"""

TAKEN = (
    Taken(
        Project,
        "user_id name kind framework model_preference description showcased",
        _OWN,
        f"s.deleted_at IS NULL AND {_ONE_MAIN}",
    ),
    Taken(
        Conversation,
        "user_id main title title_source model system_prompt pinned pinned_at task status "
        "last_message_at last_read_order_id",
        _OWN | {"project_id": _FOLDER, "last_order_id": _LAST_ORDER},
        f"s.deleted_at IS NULL AND (NOT s.main OR {_with(Project, 'project_id')})",
    ),
    Taken(
        Message,
        "user_id role type content parts order_id message_group_id model provider branch_index "
        "selected on_branch client_message_id usage citations finish_reason error error_code "
        "content_epoch conversation_id parent_id",
        _OWN
        | _link(Message, "regenerated_from_id")
        | {
            "project_id": _MAIN,
            "status": "'COMPLETE'",
            "outcome": f"CASE WHEN {_UNFINISHED} THEN 'FAILED' ELSE s.outcome END",
        },
        _with(Conversation, "conversation_id"),
    ),
    Taken(
        Fragment,
        "sandbox_url title files metadata framework message_id",
        _OWN,
        _with(Message, "message_id"),
        safe_paths,
    ),
    Taken(
        Import,
        "user_id source source_id source_name source_url ref metadata error bytes_done bytes_total "
        "files_done completed_at project_id",
        _OWN
        | _link(Message, "message_id")
        | _link(Fragment, "fragment_id")
        | {
            "status": f"CASE WHEN {_UNFINISHED_IMPORT} THEN 'FAILED' ELSE s.status END",
            "outcome": f"CASE WHEN {_UNFINISHED_IMPORT} THEN 'CANCELED' ELSE s.outcome END",
        },
        _with(Project, "project_id"),
        address("source_url"),
    ),
    Taken(
        FragmentDraft,
        "files framework project_id",
        _OWN,
        _with(Project, "project_id"),
        safe_paths,
    ),
    Taken(
        FileSnapshot,
        "files framework project_id",
        _OWN
        | _link(Message, "message_id")
        | _link(Fragment, "fragment_id")
        | _link(FileSnapshot, "restored_from"),
        _with(Project, "project_id"),
        safe_paths,
    ),
    Taken(
        AgentRun,
        "value model framework status run_source claimed_by error outcome completed_at claims "
        "project_id",
        _OWN | _link(Message, "message_id") | _link(Fragment, "fragment_id"),
        f"s.status IN ('COMPLETED', 'FAILED') AND {_with(Project, 'project_id')}",
    ),
    Taken(
        ToolCall,
        "number step call_id name arguments state expires_at decided_by_id decided_at ended_at "
        "message_id",
        _OWN,
        f"s.ended_at IS NOT NULL AND {_with(Message, 'message_id')}",
    ),
    Taken(
        MessageFeedback,
        "user_id rating comment message_id",
        _OWN,
        f"s.user_id = {OWNER} AND {_with(Message, 'message_id')}",
    ),
    Taken(
        StoredFile,
        "user_id purpose state file_name content_type size sha256 width height has_thumbnail "
        "due_at storage_key",
        _OWN,
        _WANTED,
        allowed_type,
    ),
    Taken(
        Attachment,
        "user_id type url file_name file_type size width height source_metadata message_id "
        "stored_file_id",
        _OWN
        | _link(Import, "import_id")
        | {
            "conversation_id": "(SELECT w.conversation_id FROM own_message w "
            "WHERE w.id = s.message_id)"
        },
        f"{_with(Message, 'message_id')} AND {_FILE_THERE}",
        address("url"),
    ),
    Taken(
        User,
        "name favorite_models system_prompt last_active_at",
        {"email": "(SELECT email FROM own_target)", "email_verified": "true"}
        | {"avatar_file_id": _PICTURE},
        check=lambda row: models_in(row, "favorite_models"),
    ),
    Taken(
        UserPreferences,
        "user_id layout prompt_suggestions show_tool_invocations show_conversation_previews "
        "multi_model_enabled hidden_models default_model preferred_locale output_tone "
        "marketing_opt_in",
        _OWN,
        _with(User, "user_id"),
        lambda row: models_in(row, "hidden_models"),
    ),
)
"""In an order in which each finds what it refers to."""
