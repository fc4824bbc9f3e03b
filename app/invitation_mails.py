"""Sending the mails of invitations, whoever committed them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

import structlog

from app.waiting import woken
from models.accounts.invitation_mails import InvitationMail, note_mailed, take_invitation_mails
from models.accounts.org_members import OrgMember
from models.errors import Unavailable
from models.ports import Post
from models.verbs import Actor

POLL = 2.0  # seconds, when nothing wakes it
BATCH = 20

log = structlog.get_logger()


class InvitationMails:
    """Mails the invitations that are due; `token_of` makes a token of a ticket."""

    def __init__(
        self, actor: Actor, post: Post, app_url: str, token_of: Callable[[str], str]
    ) -> None:
        self._actor = actor
        self._post = post
        self._app_url = app_url
        self._token_of = token_of
        self._woken = asyncio.Event()

    def changed(self, _owner: str, change: Mapping[str, Any]) -> None:
        """Follow the event log: an invitation was made or renewed."""
        if change["id"].startswith(f"{OrgMember.prefix}_") and "ticket" in change["columns"]:
            self._woken.set()

    async def run(self) -> None:
        """Send until cancelled."""
        while True:
            await woken(self._woken, POLL)
            try:
                while mails := await take_invitation_mails(self._actor, BATCH):
                    await asyncio.gather(*map(self._send, mails))
            except Unavailable:
                log.warning("invitations.lost")

    async def _send(self, mail: InvitationMail) -> None:
        try:
            await self._post.send(mail.letter(self._app_url, self._token_of))
        except Unavailable as error:
            log.warning("invitation.not_sent", member=mail.member_id, error=error.message)
            return
        await note_mailed(self._actor, mail)
