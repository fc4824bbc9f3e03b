"""Waiting for an event or for tasks, a while at most."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
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


async def ended_within(seconds: float, tasks: Iterable[asyncio.Task[None]]) -> None:
    """Wait for tasks, whatever comes of them, and end those that take too long."""
    if waiting := list(tasks):
        _, late = await asyncio.wait(waiting, timeout=seconds)
        for task in late:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
