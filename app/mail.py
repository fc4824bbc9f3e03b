"""Sending mail: through SMTP, or to the console in development."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from typing import Any

import aiosmtplib
import structlog
from rich.console import Console
from rich.markup import escape
from yarl import URL

from app.config import Settings
from app.waiting import woken
from models.accounts.mails import TRIES, Mail, forget_mail, letter_of, take_mails
from models.errors import Unavailable
from models.ports import Letter, Post, Tickets
from models.verbs import Actor

POLL = 2.0  # seconds, when nothing wakes the mailer
BATCH = 20
SEND_TIMEOUT = 20.0  # seconds for one mail

log = structlog.get_logger()


class ConsolePost:
    """Prints mails, for development; a link stays in one piece, however narrow the window."""

    def __init__(self) -> None:
        self._console = Console(soft_wrap=True, highlight=False, emoji=False)

    async def send(self, letter: Letter) -> None:
        """Print a mail."""
        head = f"Mail to {letter.recipient}: {letter.subject}"
        self._console.print(f"\n[bold]{escape(head)}[/bold]\n{escape(letter.text)}")


class SmtpPost:
    """Hands mails to an SMTP server: `smtp://user:password@host:port`, or `smtps://`.

    `smtp:` changes to TLS where the server offers it; `smtps:` begins with it.
    """

    def __init__(self, url: str, sender: str) -> None:
        parts = URL(url)
        if parts.scheme not in ("smtp", "smtps") or not parts.host:
            raise ValueError("not an smtp(s) URL")
        self._sender = sender
        self._server: dict[str, Any] = {
            "hostname": parts.host,
            "port": parts.explicit_port or (465 if parts.scheme == "smtps" else 587),
            "username": parts.user,
            "password": parts.password,
            "use_tls": parts.scheme == "smtps",
        }

    async def send(self, letter: Letter) -> None:
        """Send one mail. Raises Unavailable."""
        message = EmailMessage()
        message["From"], message["To"] = self._sender, letter.recipient
        message["Subject"] = letter.subject
        message["Date"], message["Message-ID"] = formatdate(), make_msgid(domain="punnet")
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(letter.text)
        try:
            to = [letter.recipient]  # as it stands, not as the header is understood
            await aiosmtplib.send(message, recipients=to, timeout=SEND_TIMEOUT, **self._server)
        except (aiosmtplib.SMTPException, OSError, ValueError) as error:
            # Its text may hold the address.
            raise Unavailable(type(error).__name__) from None


class NoPost:
    """Sends nothing: outside development no mail is written to a log."""

    async def send(self, letter: Letter) -> None:
        """Raises Unavailable."""
        raise Unavailable("PUNNET_SMTP_URL is not set")


def post_of(settings: Settings) -> Post:
    """How mails are sent. Raises ValueError for a setting that can't be used."""
    if settings.smtp_url is None:
        return ConsolePost() if settings.dev else NoPost()
    return SmtpPost(settings.smtp_url.get_secret_value(), settings.mail_from)


class Mailer:
    """Sends the mails that wait, whoever committed them."""

    def __init__(self, actor: Actor, post: Post, tickets: Tickets, app_url: str) -> None:
        self._actor = actor
        self._post = post
        self._tickets = tickets
        self._app_url = app_url.rstrip("/")
        self._woken = asyncio.Event()

    def changed(self, _owner: str, change: Mapping[str, Any]) -> None:
        """Follow the event log: a new mail."""
        if change["id"].startswith(f"{Mail.prefix}_") and change["op"] == "add":
            self._woken.set()

    async def run(self) -> None:
        """Send until cancelled."""
        while True:
            await woken(self._woken, POLL)
            try:
                while mails := await take_mails(self._actor, BATCH):
                    await asyncio.gather(*(self._send(mail) for mail in mails))
            except Unavailable:
                log.warning("mail.lost")

    async def _send(self, mail: Mail) -> None:
        try:
            await self._post.send(letter_of(mail, self._app_url, self._tickets))
        except Unavailable as error:
            given_up = mail.tries >= TRIES
            log.warning("mail.failed", mail=mail.id, error=error.message, given_up=given_up)
            if not given_up:
                return
        await forget_mail(self._actor, mail.id)
