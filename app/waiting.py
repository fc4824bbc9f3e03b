"""Waiting for an event, a while at most."""

from __future__ import annotations

import asyncio
from contextlib import suppress


async def woken(event: asyncio.Event, seconds: float) -> bool:
    """Wait for the event, clear it, and say whether it came within the time.

    Unlike `asyncio.wait_for` of Python 3.11 it never swallows a cancellation that comes together
    with the event.
    """
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
    came = event.is_set()
    event.clear()
    return came
