"""Servers and workers of one database, each a process of its own."""

from __future__ import annotations

import itertools
import signal
from dataclasses import dataclass, field
from typing import Any

from aiohttp import ClientSession

from app.auth import Authenticator, load_secret
from app.clock import SystemClock
from tests.harness.api import SECRET, Api, settings_for_tests
from tests.harness.nursery import Child, Nursery

LEASE = 2.0


@dataclass(eq=False)
class Member:
    """One of the processes; `url` is set for a server that answers."""

    kind: str
    child: Child
    url: str | None = None


@dataclass
class Fleet:
    """Starts, ends and finds the processes."""

    nursery: Nursery
    database: str
    session: ClientSession
    settings: dict[str, Any] = field(default_factory=dict)
    members: list[Member] = field(default_factory=list)
    _turn: Any = field(default_factory=itertools.count)

    async def start(self, kind: str, **settings: Any) -> Member:
        """One more `serve` or `worker`, once it works."""
        given = {"dev": "true", "secret": SECRET, "port": 0, "lease": LEASE, "user_slots": 1_000}
        given |= {"database_url": self.database, "daily_limits": "false", "cost_per_minute": 0}
        given |= {"rate_limits": '{"message": 0}'} | self.settings | settings
        environment = {f"PUNNET_{name.upper()}": value for name, value in given.items()}
        child = await self.nursery.start(kind, **environment)
        member = Member(kind, child)
        if kind == "serve":
            told = await child.told("serving")
            member.url = f"http://{told['host']}:{told['port']}"
        else:
            await child.told("working")
        self.members.append(member)
        return member

    async def kill(self, member: Member) -> None:
        """kill -9."""
        self.members.remove(member)
        member.child.send(signal.SIGKILL)
        assert await member.child.ended == -signal.SIGKILL

    @property
    def servers(self) -> list[Member]:
        """Those that answer requests."""
        return [member for member in self.members if member.url]

    def api(self, user: str, member: Member | None = None) -> Api:
        """A caller of one server, or of each in turn."""
        servers = self.servers
        chosen = member or servers[next(self._turn) % len(servers)]
        assert chosen.url
        return Api(self.session, chosen.url, token_of(user))


def token_of(user: str) -> str:
    """A token that every server of the fleet takes."""
    settings = settings_for_tests()
    authenticator = Authenticator(settings, load_secret(settings), SystemClock())
    return authenticator.local.issue_dev_token(user, name=user.title())
