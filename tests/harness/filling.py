"""Rows of every table of records, to be written by COPY: far faster than by verbs.

Each owner `user-N` has app projects with messages, fragments, attachments, generations, runs,
snapshots and drafts, a folder with conversations, and a deleted project; `user-0` has more. Each
has an organisation too, in which the next one has a role; some of these have projects.
Visitors have nothing any more but credits.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from models import ids
from models.accounts.orgs import Org
from models.accounts.preferences import UserPreferences
from models.accounts.users import User
from models.base import Record
from models.builder.agent_runs import AgentRun
from models.builder.drafts import FragmentDraft
from models.builder.fragments import Fragment
from models.builder.snapshots import FileSnapshot
from models.chat.attachments import Attachment
from models.chat.conversations import Conversation
from models.chat.deletion import DeletionJob
from models.chat.generations import Generation
from models.chat.messages import Message
from models.chat.projects import Project
from models.chat.tool_calls import ToolCall
from models.fields import JsonColumn
from tests.harness.filling_accounts import add_account, add_imports, add_usage
from tests.harness.filling_sharing import add_sharing

START = datetime(2026, 1, 1, tzinfo=UTC)
FILES = {"app/page.tsx": "export default function Page() { return <main /> }\n"}
STATUS = {
    "QUEUED": "PENDING",
    "RUNNING": "STREAMING",
    "AWAITING_APPROVAL": "PENDING",
    "DONE": "COMPLETE",
}


@dataclass(frozen=True, slots=True)
class Size:
    """How much each owner has; the first one has `more` times as many of its roots."""

    owners: int = 200
    projects: int = 4
    messages: int = 20
    conversations: int = 6
    more: int = 10
    visitors: int = 3_000


@dataclass(slots=True)
class Filling:
    """The rows to write, by table, in an order that foreign keys allow."""

    size: Size = field(default_factory=Size)
    rows: dict[type[Record], list[tuple[Any, ...]]] = field(default_factory=dict)
    ids: dict[type[Record], dict[str, list[str]]] = field(default_factory=dict)
    running: list[str] = field(default_factory=list)
    _minutes: Iterator[int] = field(default_factory=itertools.count)

    @property
    def users(self) -> list[str]:
        """The owners' ids, `user-0` first."""
        return [owner for owner in self.ids[Project] if owner.startswith(f"{User.prefix}_")]

    @property
    def orgs(self) -> list[str]:
        """The organisations' ids, in the order of their owners."""
        return [id for ids_of_owner in self.ids[Org].values() for id in ids_of_owner]

    def of(self, table: type[Record], owner: str) -> list[str]:
        """The ids of a user's rows, or else of their organisation's."""
        found = self.ids[table]
        return found.get(owner) or found[self.ids[Org][owner][0]]

    def add(self, table: type[Record], owner: str, /, **values: Any) -> str:
        """Add a record of an owner and return its id; what is not given has its default."""
        id = ids.new_id(table.prefix)
        at = START + timedelta(seconds=20 * next(self._minutes))
        given = {"id": id, "owner_id": owner or id, "created_at": at, "updated_at": at} | values
        row = tuple(_value(table, name, given) for name in table.columns())
        self.rows.setdefault(table, []).append(row)
        self.ids.setdefault(table, {}).setdefault(owner or id, []).append(id)
        return id

    def user(self, name: str, subject: str) -> str:
        """Add a user, of whom no request has to note that they are active."""
        user = self.add(User, "", name=name, clerk_id=subject, last_active_at=far(9_999))
        self.add(UserPreferences, user, user_id=user)
        return user

    def visitor(self, number: int) -> None:
        """Add a user with credits, whose only project is deleted and gone."""
        user = self.user("Visitor", f"visitor-{number}")
        add_usage(self, user, START)
        about = {"slug": f"gone-{number}", "owner_user_id": user, "plan": "free"}
        self.add(Org, user, name="Gone", **about, deleted_at=START)
        gone = ids.new_id(Project.prefix)
        about = {"root_id": gone, "subject_id": gone, "kind": "project"}
        self.add(DeletionJob, user, **about, due_at=START, state="complete")

    def owner(self, number: int) -> None:
        """Add an owner with all its rows."""
        size, user = self.size, self.user(f"User {number}", f"user-{number}")
        add_account(self, user, START)
        for place in range(size.projects * (size.more if number == 0 else 1)):
            messages = size.messages * (size.more if number == place == 0 else 1)
            self.project(user, messages, place)
        folder = self.add(Project, user, user_id=user, name="Folder", kind="FOLDER")
        for place in range(size.conversations * (size.more if number == 0 else 1)):
            self.conversation(user, place % 3, title=f"Talk {place}", **_kept(place, folder))
        gone = self.add(Project, user, user_id=user, name="Gone", kind="FOLDER", deleted_at=START)
        self.ids[Project][user].remove(gone)
        self.deletion(user, far(number + 1))

    def deletion(self, user: str, due_at: datetime) -> None:
        """Add a deletion of the messages of a user's first conversation."""
        talk = self.ids[Conversation][user][0]
        gone = self.add(Conversation, user, user_id=user, deleted_at=START)
        self.ids[Conversation][user].remove(gone)
        about = {"root_id": gone, "kind": "cleared", "subject_id": talk, "conversation_id": talk}
        self.add(DeletionJob, user, **about, due_at=due_at)

    def project(self, user: str, messages: int, place: int, by: str | None = None) -> str:
        """Add an app project of a user's, or of an organisation's `by` a user, with so many
        messages."""
        project = self.add(
            Project,
            user,
            user_id=by or user,
            name=f"App {place}",
            kind="APP",
            framework="NEXTJS",
            showcased=place % 2 == 0,
        )
        self.conversation(user, messages, project_id=project, main=True)
        self.add(FragmentDraft, user, project_id=project, files=FILES, framework="NEXTJS")
        for _ in range(6):
            self.add(FileSnapshot, user, project_id=project, files=FILES, framework="NEXTJS")
        add_imports(self, user, by or user, project)
        self.run(user, project, status="PENDING", run_source="WEBCONTAINER")
        self.run(user, project, status="RUNNING", run_source="WEBCONTAINER", lease_until=far(1))
        return project

    def conversation(self, user: str, messages: int, **values: Any) -> None:
        """Add a conversation with a line of messages, some with branches beside it."""
        conversation = self.add(Conversation, user, user_id=user, last_order_id=messages, **values)
        project = values.get("project_id") if values.get("main") else None
        parent = None
        for order in range(1, messages + 1):
            parent = self.message(user, conversation, project, order, parent)
        add_sharing(self, user, conversation, parent)

    def message(
        self, user: str, conversation: str, project: str | None, order: int, parent: str | None
    ) -> str:
        """Add a message with what belongs to it; the odd ones are the user's."""
        asked = order % 2 == 1
        state = {12: "RUNNING", 16: "QUEUED", 18: "AWAITING_APPROVAL"}.get(order, "DONE")
        values = {"conversation_id": conversation, "project_id": project, "parent_id": parent}
        message = self.add(
            Message,
            user,
            **values,
            user_id=user if asked else None,
            role="USER" if asked else "ASSISTANT",
            content=f"Message {order}",
            order_id=order,
            status="COMPLETE" if asked else STATUS[state],
            regenerated_from_id=parent,
            on_branch=order % 7 != 0,
            client_message_id=f"{conversation}-{order}" if asked else None,
        )
        if asked:
            self._attach(user, conversation, message)
        else:
            self._answer(user, project, message, state)
        return message

    def _attach(self, user: str, conversation: str, message: str) -> None:
        for kind in ("IMAGE", "FILE"):
            self.add(
                Attachment,
                user,
                message_id=message,
                conversation_id=conversation,
                user_id=user,
                type=kind,
                url="https://example.com/a.png",
                size=1_000,
            )

    def _answer(self, user: str, project: str | None, message: str, state: str) -> None:
        what = {"message_id": message, "files": FILES, "framework": "NEXTJS"}
        made = self.add(Fragment, user, **what, sandbox_url="about:blank", title="Page")
        self.add(
            Generation,
            user,
            message_id=message,
            user_id=user,
            model="mock:raypx-1",
            state=state,
            lease_until=far(1) if state == "RUNNING" else None,
            epoch=1,
        )
        called = {"number": 0, "step": 0, "call_id": "call_0", "name": "add", "arguments": {}}
        self.add(ToolCall, user, message_id=message, **called, state="SUCCEEDED", ended_at=START)
        if state == "RUNNING":
            self.running.append(message)
        if project is not None:
            done = {"status": "COMPLETED", "run_source": "INNGEST", "fragment_id": made}
            self.run(user, project, message_id=message, **done)

    def run(self, user: str, project: str, **values: Any) -> None:
        """Add an agent run."""
        now = datetime.now(UTC)
        self.add(AgentRun, user, project_id=project, value="Build", **values, updated_at=now)


def _kept(place: int, folder: str) -> dict[str, Any]:
    """What puts a conversation into one of the lists."""
    lists: list[dict[str, Any]] = [
        {"project_id": None},
        {"project_id": folder},
        {"project_id": None, "pinned": True, "pinned_at": START + timedelta(seconds=place)},
        {"project_id": folder, "status": "archived"},
    ]
    return lists[place % len(lists)]


def far(days: int) -> datetime:
    """A time so many days from now."""
    return datetime.now(UTC) + timedelta(days=days)


def _value(table: type[Record], name: str, given: dict[str, Any]) -> Any:
    column = table.column(name)
    value = given.get(name, column.default)
    return (
        orjson.dumps(value).decode()
        if isinstance(column, JsonColumn) and value is not None
        else value
    )
