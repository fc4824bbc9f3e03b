"""A real SMTP server on loopback, and the letters it was handed."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any, cast

from aiosmtpd.smtp import SMTP

from tests.harness.eventually import eventually


class PostOffice:
    """Takes mails; while `refusing` it refuses each with a code that asks to try later."""

    def __init__(self) -> None:
        self.letters: list[EmailMessage] = []
        self.refusing = False
        self.refused = 0
        self.url = ""

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        """Keep a letter."""
        if self.refusing:
            self.refused += 1
            return "451 Try later"
        letter = message_from_bytes(envelope.content, policy=policy.default)
        self.letters.append(cast("EmailMessage", letter))
        return "250 OK"

    def to(self, address: str) -> list[EmailMessage]:
        """The letters to an address, oldest first."""
        return [letter for letter in self.letters if letter["To"] == address]

    async def letter(self, address: str, number: int = 1) -> EmailMessage:
        """The letter of a number to an address, once it has come."""

        async def found() -> list[EmailMessage]:
            return self.to(address)[number - 1 : number]

        return (await eventually(found))[0]

    async def token(self, address: str, number: int = 1) -> str:
        """The value in the link of a letter."""
        return token_in(await self.letter(address, number))


def token_in(letter: EmailMessage) -> str:
    """The value in the link of a letter."""
    found = re.search(r"#token=([\w-]+)", letter.get_content())
    assert found, letter.get_content()
    return found[1]


@asynccontextmanager
async def post_office() -> AsyncIterator[PostOffice]:
    """An SMTP server on a free port."""
    office = PostOffice()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(office, loop=loop), "127.0.0.1", 0)
    office.url = f"smtp://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield office
    finally:
        server.close()
        await server.wait_closed()
