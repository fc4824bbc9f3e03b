"""Whether a page costs more the more there is: the same pages of few rows and of many, in turns.

What counts is the CPU time of the server and of its PostgreSQL processes together, since an index
that is walked further costs the latter. All rows are alike, so the pages have the same bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, cast

import asyncpg  # pyright: ignore[reportMissingTypeStubs] - it has none

from app.auth import Authenticator
from bench.generate import SEED, Generator, Size, filling
from bench.load import Sample, drive, prepared
from bench.processes import Process, ran
from bench.statements import StatementLog
from models.accounts.users import User
from models.chat.conversations import Conversation
from models.chat.messages import Message

CLIENTS = 4  # connections that ask at once
COUNTED = 4  # requests whose statements are counted
FEW = 100
TEXT = "Nothing here is longer or shorter than its neighbour."
PAGES = {
    "conversations": """query Conversations { conversations(first: 20) {
      nodes { id title updatedAt unread latestMessage { preview } }
      pageInfo { hasNextPage endCursor } } }""",
    "first messages": """query First($id: ID!) { conversation(id: $id) { title
      messages(first: 40) { nodes { id role content orderId siblings { id } }
        pageInfo { hasNextPage endCursor } } } }""",
    "last messages": """query Last($id: ID!) { conversation(id: $id) { title
      messages(last: 40) { nodes { id role content orderId siblings { id } }
        pageInfo { hasPreviousPage startCursor } } } }""",
}
BACKENDS = """SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend'
    AND datname = current_database() AND pid <> pg_backend_pid()"""


@dataclass(frozen=True, slots=True)
class Growth:
    """How many there are of each where there are many, and how long each page is asked for."""

    conversations: int
    messages: int
    rounds: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Grown:
    """One page of few and of many: milliseconds of CPU, statements, and the CPU times' ratio.

    The ratio is the median of the rounds'.
    """

    page: str
    few: int
    many: int
    few_ms: float
    many_ms: float
    few_statements: int
    many_statements: int
    ratio: float


@dataclass(frozen=True, slots=True)
class Side:
    """A user with so many conversations, one of which has so many messages."""

    subject: str
    conversation: str


class Grower(Generator):
    """Makes the two users."""

    def side(self, name: str, conversations: int, messages: int) -> Side:
        """Add a user; the conversation with the messages is their first one."""
        subject = f"bench-{name}"
        user = self.add(User, "", name=name, clerk_id=subject)
        long, *_ = [self._tree(user, 2 if n else messages) for n in range(conversations)]
        return Side(subject, long)

    def _tree(self, user: str, messages: int) -> str:
        """A conversation of so many messages, every second of them beside the branch."""
        values = {"user_id": user, "title": "Grown", "last_order_id": messages}
        conversation = self.add(Conversation, user, **values)
        parent = None
        for first in range(1, messages, 2):
            where = {"conversation_id": conversation, "parent_id": parent, "content": TEXT}
            beside = {"branch_index": 1, "selected": False, "on_branch": False}
            parent = self.add(Message, user, **where, role="USER", order_id=first)
            self.add(Message, user, **where, **beside, role="USER", order_id=first + 1)
        return conversation


class Bench:
    """The server that is asked, and the two users."""

    def __init__(self, server: Process, url: str, tokens: Authenticator, growth: Growth) -> None:
        self._server = server
        self._url = url
        self._tokens = tokens
        self._growth = growth
        self._sides: list[Side] = []

    async def fill(self) -> None:
        """Add the users to the filled database."""
        grower, growth = Grower(Size(), SEED + 1), self._growth
        self._sides = [
            grower.side("few", FEW, FEW),
            grower.side("many", growth.conversations, growth.messages),
        ]
        async with filling(self._url) as connection:
            await grower.write(connection)

    async def measure(self, log: Path) -> list[Grown]:
        """Ask for each page of few and of many, another one first in every round."""
        return [await self._page(name, log) for name in PAGES]

    async def _page(self, name: str, log: Path) -> Grown:
        requests = [self._request(PAGES[name], side) for side in self._sides]
        rounds: list[list[Sample]] = []
        for number in range(self._growth.rounds):
            order = (0, 1) if number % 2 else (1, 0)
            taken = {one: await self._drive(requests[one]) for one in order}
            rounds.append([taken[0], taken[1]])
        few, many = (1e3 * median(one[side].cpu_each for one in rounds) for side in (0, 1))
        sent = await self._statements(requests, log)
        growth = self._growth
        count = growth.conversations if name == "conversations" else growth.messages
        ratio = median(many.cpu_each / max(few.cpu_each, 1e-9) for few, many in rounds)
        return Grown(name, FEW, count, few, many, sent[0], sent[1], ratio)

    def _request(self, query: str, side: Side) -> bytes:
        token = self._tokens.local.issue_dev_token(side.subject)
        payload = {"query": query, "variables": {"id": side.conversation}}
        return prepared("/graphql", token, payload)

    async def _drive(self, request: bytes) -> Sample:
        """What asking for a while takes of the server and of PostgreSQL."""
        pids = [self._server.pid, *await self._backends()]
        before = sum(map(ran, pids))
        sample = await drive(self._server, [request], clients=CLIENTS, seconds=self._growth.seconds)
        sample.cpu = sum(map(ran, pids)) - before
        return sample

    async def _backends(self) -> Sequence[int]:
        connection: Any = await cast("Any", asyncpg).connect(self._url)
        try:
            return [row["pid"] for row in await connection.fetch(BACKENDS)]
        finally:
            await connection.close()

    async def _statements(self, requests: Sequence[bytes], log: Path) -> Sequence[int]:
        async with StatementLog(self._url, log) as told:
            background = await told.background()
            return [await told.each(self._server, [one] * COUNTED, background) for one in requests]
