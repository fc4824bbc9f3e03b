"""How a deleted project, or discarded messages, are emptied of what the app builder keeps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from models.builder.agent_runs import AgentRun
from models.builder.drafts import FragmentDraft
from models.builder.fragments import Fragment
from models.builder.imports import Import
from models.builder.snapshots import FileSnapshot
from models.chat.deletion import Phase, empties
from models.chat.emptying import NEXT_MESSAGES
from models.chat.emptying_orgs import NEXT_MESSAGES as NEXT_OF_CONVERSATION

if TYPE_CHECKING:
    from models.transaction import Transaction


@dataclass(frozen=True, slots=True)
class Loose(Phase):
    """A phase that takes a link from rows, which stay, instead of removing them."""

    link: str = "message_id"

    async def empty(self, tx: Transaction, root_id: str, most: int) -> int:
        """Take the link from at most so many rows and return how many there were."""
        some = (
            f"id = ANY (ARRAY(SELECT id FROM {self.model.table()} WHERE {self.where} LIMIT {most}))"
        )
        return len(await tx.change_many(self.model, some, root_id, **{self.link: None}))


_IN_PROJECT = "project_id = $1"
_OF_FRAGMENTS = (
    f"fragment_id = ANY (ARRAY(SELECT f.id FROM fragment f WHERE f.{NEXT_OF_CONVERSATION}))"
)

empties(
    Phase("prj", 10, AgentRun, _IN_PROJECT, order="created_at, id"),
    Phase("prj", 20, FileSnapshot, _IN_PROJECT, order="created_at, id"),
    Phase("prj", 30, FragmentDraft, _IN_PROJECT),
    Phase("prj", 35, Import, _IN_PROJECT, order="created_at, id"),
    Phase("prj", 40, Fragment, NEXT_MESSAGES),
    Loose("cnv", 10, AgentRun, NEXT_OF_CONVERSATION),
    Loose("cnv", 15, FileSnapshot, NEXT_OF_CONVERSATION),
    Loose("cnv", 20, Import, NEXT_OF_CONVERSATION),
    Loose("cnv", 25, AgentRun, _OF_FRAGMENTS, link="fragment_id"),
    Loose("cnv", 27, Import, _OF_FRAGMENTS, link="fragment_id"),
    Loose("cnv", 30, FileSnapshot, _OF_FRAGMENTS, link="fragment_id"),
    Phase("cnv", 40, Fragment, NEXT_OF_CONVERSATION),
)
