"""Passwords: Argon2id in threads of their own, so that hashing never holds up the event loop."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from app.config import Settings
from app.threads import Crowded, Threads
from models.errors import Unavailable

T = TypeVar("T")


class Argon2Passwords:
    """Hashes and checks passwords; see models.ports.Passwords.

    At most `threads` are hashed at once, each with its memory, and `queue` more may wait.
    """

    def __init__(self, settings: Settings) -> None:
        self._hasher = PasswordHasher(
            time_cost=settings.password_rounds,
            memory_cost=settings.password_memory,
            parallelism=1,
        )
        self._threads = Threads("password", settings.password_threads, settings.password_queue)
        self._nobodys: str | None = None

    async def hash(self, password: str) -> str:
        """The hash to store. Raises Unavailable."""
        return await self._in_thread(lambda: self._hasher.hash(_bytes(password)))

    async def matches(self, password: str, hashed: str | None) -> bool:
        """Whether a password belongs to a hash; without one as slow, and false."""
        if self._nobodys is None:
            self._nobodys = await self.hash("the password of nobody")
        known = hashed or self._nobodys
        right = await self._in_thread(lambda: self._matches(password, known))
        return right and hashed is not None

    def is_outdated(self, hashed: str) -> bool:
        """Whether a hash was made with other parameters."""
        return self._hasher.check_needs_rehash(hashed)

    def _matches(self, password: str, hashed: str) -> bool:
        try:
            return self._hasher.verify(hashed, _bytes(password))
        except (VerificationError, InvalidHashError):
            return False

    async def _in_thread(self, work: Callable[[], T]) -> T:
        try:
            return await self._threads.run(work)
        except Crowded:
            message = "Too many passwords wait to be checked."
            raise Unavailable(message, retry_after=1) from None


def _bytes(password: str) -> bytes:
    return password.encode("utf-8", "surrogatepass")
