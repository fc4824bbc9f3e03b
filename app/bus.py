"""How processes wake each other: NOTIFY on a connection of its own, never inside a transaction.

What is sent carries no data that matters: the event log and the chunks are read from their
tables, and a poll makes up for a lost wake-up.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterable
from typing import Any

import structlog

from app.database import LOST, connect

LOG_CHANNEL = "punnet_log"
TEXT_CHANNEL = "punnet_text"
PAUSE = 0.005  # seconds between two NOTIFYs
RETRY = 0.5  # seconds between two attempts to connect
PATIENCE = 5.0  # seconds for the server to answer
MOST_BYTES = 7_000  # PostgreSQL takes a little less than 8,000

Woken = Callable[[], None]
Named = Callable[[list[str] | None], None]

log = structlog.get_logger()


class PostgresBus:
    """Wakes the readers of this process and of the others; see models.ports.Bus.

    `on_log` is called when something may have been committed, `on_text` with the messages that
    have new text, or None for any of them. Both are called on the event loop.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._log_listeners: list[Woken] = []
        self._text_listeners: list[Named] = []
        self._committed = False
        self._wrote: set[str] = set()
        self._due = asyncio.Event()

    def on_log(self, listener: Woken) -> None:
        """Call `listener` after commits, here or elsewhere."""
        self._log_listeners.append(listener)

    def on_text(self, listener: Named) -> None:
        """Call `listener` after new text elsewhere."""
        self._text_listeners.append(listener)

    def committed(self) -> None:
        """Wake the readers of the event log; never blocks, may be called at any rate."""
        self._committed = True
        self._due.set()
        self._wake_log()

    def wrote(self, message_ids: Iterable[str]) -> None:
        """Tell the other processes which messages have new text."""
        self._wrote.update(message_ids)
        self._due.set()

    async def run(self) -> None:
        """Listen and notify until cancelled, through any loss of the server."""
        while True:
            try:
                await self._connected()
            except LOST as error:
                log.warning("bus.lost", error=type(error).__name__)
            await asyncio.sleep(RETRY)

    async def _connected(self) -> None:
        connection: Any = await connect(self._url, timeout=PATIENCE, command_timeout=PATIENCE)
        try:
            # A connection that dies while nothing is sent would go unnoticed, and with it LISTEN.
            connection.add_termination_listener(self._ended)
            await connection.add_listener(LOG_CHANNEL, self._log_grew)
            await connection.add_listener(TEXT_CHANNEL, self._text_came)
            self._wake_log()
            self._wake_text("")
            while not connection.is_closed():
                await self._due.wait()
                self._due.clear()
                await self._notify(connection)
                await asyncio.sleep(PAUSE)
            log.warning("bus.lost", error="closed")
        finally:
            with contextlib.suppress(*LOST):
                await connection.close(timeout=1)

    async def _notify(self, connection: Any) -> None:
        committed, self._committed = self._committed, False
        wrote, self._wrote = self._wrote, set()
        if committed:
            await connection.execute("SELECT pg_notify($1, '')", LOG_CHANNEL)
        if wrote:
            named = ",".join(wrote)
            payload = named if len(named) <= MOST_BYTES else ""
            await connection.execute("SELECT pg_notify($1, $2)", TEXT_CHANNEL, payload)

    def _ended(self, _connection: Any) -> None:
        self._due.set()

    def _log_grew(self, *_notification: Any) -> None:
        self._wake_log()

    def _wake_log(self) -> None:
        for listener in self._log_listeners:
            listener()

    def _text_came(self, connection: Any, sender: int, _channel: str, payload: str) -> None:
        if sender != connection.get_server_pid():  # our own readers were given the text itself
            self._wake_text(payload)

    def _wake_text(self, payload: str) -> None:
        named = payload.split(",") if payload else None
        for listener in self._text_listeners:
            listener(named)
