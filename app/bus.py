"""How processes wake each other: NOTIFY on a connection of its own, never inside a transaction.

What is sent may be lost: the event log and the chunks are kept in their tables, and a poll makes
up for a lost wake-up. Windows of text travel whole, so that nobody has to read what was just
written; they were stored before.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from time import perf_counter
from typing import Any

import orjson
import structlog

from app.database import LOST, connect
from models.chat.chunks import Window

LOG_CHANNEL = "punnet_log"
TEXT_CHANNEL = "punnet_text"
PAUSE = 0.005  # seconds between two NOTIFYs
RETRY = 0.5  # seconds between two attempts to connect
PATIENCE = 5.0  # seconds for the server to answer
MOST_BYTES = 7_000  # PostgreSQL takes a little less than 8,000
MOST_WAITING = 1_000  # windows that wait while the server is lost; the store has the others

Woken = Callable[[], None]
Named = Callable[[list[str] | None], None]
Published = Callable[[Sequence[Window]], None]
Passed = Callable[[float], None]

NOTIFY_TEXT = "SELECT pg_notify($1, payload) FROM unnest($2::text[]) payload"
"""With a channel and payloads; sent after what they tell of is committed."""

log = structlog.get_logger()


class PostgresBus:
    """Wakes the readers of this process and of the others; see models.ports.Bus.

    `on_log` is called when something may have been committed, `on_windows` with text that was
    stored elsewhere, `on_text` with other messages that have new text, or None for any of them.
    All are called on the event loop.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._log_listeners: list[Woken] = []
        self._text_listeners: list[Named] = []
        self._window_listeners: list[Published] = []
        self._timers: list[Passed] = []
        self._committed = False
        self._wrote: deque[Window] = deque(maxlen=MOST_WAITING)
        self._due = asyncio.Event()

    def on_log(self, listener: Woken) -> None:
        """Call `listener` after commits, here or elsewhere."""
        self._log_listeners.append(listener)

    def on_text(self, listener: Named) -> None:
        """Call `listener` after new text elsewhere."""
        self._text_listeners.append(listener)

    def on_windows(self, listener: Published) -> None:
        """Call `listener` with windows that were stored elsewhere."""
        self._window_listeners.append(listener)

    def on_passed(self, listener: Passed) -> None:
        """Call `listener` with the seconds from receiving windows until all were written to."""
        self._timers.append(listener)

    def committed(self) -> None:
        """Wake the readers of the event log; never blocks, may be called at any rate."""
        self._committed = True
        self._due.set()
        self._wake_log()

    def wrote(self, windows: Iterable[Window]) -> None:
        """Tell the other processes of windows that were stored."""
        self._wrote.extend(windows)
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
            self._wake_text(None)
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
        wrote = list(self._wrote)
        self._wrote.clear()
        if committed:
            await connection.execute("SELECT pg_notify($1, '')", LOG_CHANNEL)
        if wrote:
            await connection.execute(NOTIFY_TEXT, TEXT_CHANNEL, notices(wrote))

    def _ended(self, _connection: Any) -> None:
        self._due.set()

    def _log_grew(self, *_notification: Any) -> None:
        self._wake_log()

    def _wake_log(self) -> None:
        for listener in self._log_listeners:
            listener()

    def _text_came(self, connection: Any, sender: int, _channel: str, payload: str) -> None:
        if sender == connection.get_server_pid():  # our own readers were given the text itself
            return
        received = perf_counter()
        windows, named = noticed(payload)
        for publish in self._window_listeners:
            publish(windows)
        # Called soon, not now: what the listeners write is written at the end of this turn.
        asyncio.get_running_loop().call_soon(self._passed, received)
        if named is None or named:
            self._wake_text(named)

    def _passed(self, received: float) -> None:
        seconds = perf_counter() - received
        for timer in self._timers:
            timer(seconds)

    def _wake_text(self, named: list[str] | None) -> None:
        for listener in self._text_listeners:
            listener(named)


def notices(windows: Iterable[Window]) -> list[str]:
    """Windows as payloads of NOTIFY; one too long for any is told by its message's id."""
    found: list[str] = []
    items: list[bytes] = []
    size = 0
    for window in windows:
        item = orjson.dumps(tuple(window))
        if len(item) > MOST_BYTES:
            item = orjson.dumps(window.message_id)
        size += len(item) + 1
        if size > MOST_BYTES and items:
            found.append(_payload(items))
            items, size = [], len(item)
        items.append(item)
    return [*found, _payload(items)] if items else found


def _payload(items: Sequence[bytes]) -> str:
    return f"[{b','.join(items).decode()}]"


def noticed(payload: str) -> tuple[list[Window], list[str] | None]:
    """The windows of a payload, and the messages that it names; None for any."""
    try:
        items: list[list[Any] | str] = orjson.loads(payload)
    except orjson.JSONDecodeError:
        return [], None
    windows = [Window._make(item) for item in items if isinstance(item, list)]
    return windows, [item for item in items if isinstance(item, str)]
