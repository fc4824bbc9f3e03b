"""The rows that are measured: made from a seed, written by COPY.

Every user has projects of 30 messages; half of the messages have a fragment, a third two
attachments. The first user has ten larger projects as well, the newest of all. Every user also
has conversations whose answer is being written, for subscribers.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from random import Random
from typing import Any, cast

import asyncpg  # pyright: ignore[reportMissingTypeStubs] - it has none
import orjson

from bench.texts import files, prose
from models import ids
from models.accounts.users import User
from models.base import Record
from models.builder.fragments import Fragment
from models.chat.attachments import Attachment
from models.chat.conversations import Conversation
from models.chat.generations import Generation
from models.chat.messages import Message
from models.chat.projects import Project
from models.fields import JsonColumn

SEED = 20_260_131
START = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Size:
    """How many rows there are; `projects` and `running` are those of each user."""

    users: int = 200
    projects: int = 20
    messages: int = 30
    large_projects: int = 10
    large_messages: int = 1_000
    running: int = 10


@dataclass(frozen=True, slots=True)
class Running:
    """An answer that is being written; `user` is the number of its owner."""

    user: int
    message_id: str
    generation_id: str


@dataclass(slots=True)
class Data:
    """What can be asked for: the projects of each user by number, and the running answers."""

    projects: list[list[str]] = field(default_factory=list[list[str]])
    running: list[Running] = field(default_factory=list[Running])


def subject(user: int) -> str:
    """The subject of a user's token."""
    return f"bench-{user}"


async def generate(url: str, size: Size) -> Data:
    """Fill a migrated, empty database."""
    generator, data = Generator(size), Data()
    async with filling(url) as connection:
        for number in range(size.users):
            generator.user(number, data)
            await generator.write(connection)
    return data


@asynccontextmanager
async def filling(url: str) -> AsyncGenerator[Any, None]:
    """A connection to write rows by; the database is at rest when this ends."""
    connection: Any = await cast("Any", asyncpg).connect(url)
    try:
        # Foreign keys hold by construction; checking each would take most of the time.
        await connection.execute("SET session_replication_role = replica")
        yield connection
        await connection.execute("VACUUM ANALYZE")
        await connection.execute("CHECKPOINT")
    finally:
        await connection.close()


class Generator:
    """Makes the rows of one user after another; times and ids go up."""

    def __init__(self, size: Size, seed: int = SEED) -> None:
        self._size = size
        self._random = Random(seed)
        self._now = START
        self._rows: dict[type[Record], list[tuple[Any, ...]]] = {}

    async def write(self, connection: Any) -> None:
        """Write the rows made since the last time."""
        rows, self._rows = self._rows, {}
        for model, made in rows.items():
            columns = model.columns()
            await connection.copy_records_to_table(model.table(), columns=columns, records=made)

    def user(self, number: int, data: Data) -> None:
        """Add a user with everything that is the user's."""
        size = self._size
        user = self.add(User, "", name=f"User {number}", clerk_id=subject(number))
        lengths = [size.messages] * size.projects
        if number == 0:
            lengths += [size.large_messages] * size.large_projects
        data.projects.append([self._project(user, length) for length in lengths])
        data.running += [self._running(user, number) for _ in range(size.running)]

    def _project(self, user: str, messages: int) -> str:
        name = prose(self._random, 1)[:60]
        project = self.add(Project, user, user_id=user, name=name, kind="APP", framework="NEXTJS")
        self._conversation(user, messages, project_id=project, main=True, title=name)
        return project

    def _conversation(self, user: str, messages: int, **values: Any) -> str | None:
        """Add a conversation of so many messages in one line; returns the last one's id."""
        conversation = self.add(Conversation, user, user_id=user, last_order_id=messages, **values)
        last = None
        for order in range(1, messages + 1):
            where = {"conversation_id": conversation, "project_id": values.get("project_id")}
            last = self._message(user, order, parent_id=last, **where)
        return last

    def _message(self, user: str, order: int, **where: Any) -> str:
        asked = order % 2 == 1
        message = self.add(
            Message,
            user,
            **where,
            user_id=user if asked else None,
            role="USER" if asked else "ASSISTANT",
            content=prose(self._random, 2 if asked else 6),
            order_id=order,
            model=None if asked else "mock:raypx-1",
            outcome=None if asked else "SUCCEEDED",
        )
        if not asked:
            self._fragment(user, message)
        if order % 3 == 0:
            for kind in ("IMAGE", "FILE"):
                self._attachment(user, message, where["conversation_id"], kind)
        return message

    def _fragment(self, user: str, message: str) -> None:
        made = files(self._random)
        self.add(
            Fragment,
            user,
            message_id=message,
            sandbox_url="about:blank",
            title=prose(self._random, 1)[:80],
            files=made,
            framework="NEXTJS",
        )

    def _attachment(self, user: str, message: str, conversation: str, kind: str) -> None:
        number = self._random.randrange(1_000_000)
        self.add(
            Attachment,
            user,
            message_id=message,
            conversation_id=conversation,
            user_id=user,
            type=kind,
            url=f"https://files.example.com/{number}.png",
            file_name=f"{number}.png",
            file_type="image/png",
            size=number,
        )

    def _running(self, user: str, number: int) -> Running:
        conversation = self.add(Conversation, user, user_id=user, last_order_id=1)
        message = self.add(
            Message,
            user,
            conversation_id=conversation,
            role="ASSISTANT",
            status="STREAMING",
            order_id=1,
        )
        generation = self.add(
            Generation,
            user,
            message_id=message,
            user_id=user,
            model="mock:raypx-1",
            state="RUNNING",
            epoch=1,
            lease_until=datetime.now(UTC) + timedelta(days=1),
        )
        return Running(number, message, generation)

    def add(self, model: type[Record], owner: str, /, **values: Any) -> str:
        """Add a row of an owner, or, for "", one of its own; returns its id."""
        self._now += timedelta(milliseconds=500)
        id = self._id(model.prefix)
        given = {"id": id, "owner_id": owner, "created_at": self._now, "updated_at": self._now}
        given |= values
        row = tuple(_stored(given.get(name, default), json) for name, default, json in _plan(model))
        self._rows.setdefault(model, []).append(row)
        return id

    def _id(self, prefix: str) -> str:
        """An id such as `models.ids` makes, but from the seed."""
        milliseconds = int(self._now.timestamp() * 1_000)
        chance = self._random.getrandbits(74)
        number = milliseconds << 80 | 7 << 76 | (chance >> 62) << 64 | 2 << 62
        return f"{prefix}_{ids.encode(number | chance & ((1 << 62) - 1))}"


@cache
def _plan(model: type[Record]) -> tuple[tuple[str, Any, bool], ...]:
    """Name and default of each column, and whether it holds JSON."""
    columns = [(name, model.column(name)) for name in model.columns()]
    return tuple((name, c.default, isinstance(c, JsonColumn)) for name, c in columns)


def _stored(value: Any, json: bool) -> Any:
    return orjson.dumps(value).decode() if json and value is not None else value
