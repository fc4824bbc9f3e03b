"""How a deleted project is emptied of what the app builder keeps."""

from __future__ import annotations

from models.builder.agent_runs import AgentRun
from models.builder.drafts import FragmentDraft
from models.builder.fragments import Fragment
from models.builder.imports import Import
from models.builder.snapshots import FileSnapshot
from models.chat.deletion import Phase, empties
from models.chat.emptying import NEXT_MESSAGES
from models.chat.emptying_orgs import NEXT_MESSAGES as NEXT_OF_CONVERSATION

_IN_PROJECT = "project_id = $1"

empties(
    Phase("prj", 10, AgentRun, _IN_PROJECT, order="created_at, id"),
    Phase("prj", 20, FileSnapshot, _IN_PROJECT, order="created_at, id"),
    Phase("prj", 30, FragmentDraft, _IN_PROJECT),
    Phase("prj", 35, Import, _IN_PROJECT, order="created_at, id"),
    Phase("prj", 40, Fragment, NEXT_MESSAGES),
    Phase("cnv", 40, Fragment, NEXT_OF_CONVERSATION),
)
