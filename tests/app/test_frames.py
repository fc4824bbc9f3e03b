"""What goes to a WebSocket: in order, together where it can be, and never past what waits."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from aiohttp import WSMsgType

from app.frames import HIGH_WATER, Frames, Turn, header
from app.outbox import Outbox, SlowReader


class Wire:
    """A transport and a socket of aiohttp's that note what is written to them."""

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.waiting = 0
        self.closing = False
        self.may_send = asyncio.Event()

    def write(self, data: bytes) -> None:
        self.written.append(data)

    def get_write_buffer_size(self) -> int:
        return self.waiting

    def is_closing(self) -> bool:
        return self.closing

    async def send_frame(self, data: bytes, kind: WSMsgType) -> None:
        self.written.append(header(kind, len(data)) + data)
        await self.may_send.wait()


def frames_to(wire: Any) -> Frames:
    return Frames(wire, wire, Turn())


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        (0, b"\x81\x00"),
        (125, b"\x81\x7d"),
        (126, b"\x81\x7e\x00\x7e"),
        (65_535, b"\x81\x7e\xff\xff"),
        (65_536, b"\x81\x7f\x00\x00\x00\x00\x00\x01\x00\x00"),
    ],
)
def test_the_length_comes_before_the_payload(size: int, expected: bytes) -> None:
    assert header(WSMsgType.TEXT, size) == expected


async def test_the_frames_of_a_turn_are_written_together_in_order() -> None:
    wire = Wire()
    frames = frames_to(wire)
    assert all(frames.write(data, WSMsgType.TEXT) for data in (b"a", b"b"))
    assert wire.written == []
    await asyncio.sleep(0)
    assert wire.written == [b"\x81\x01a\x81\x01b"]
    frames.write(b"c", WSMsgType.PONG)
    await asyncio.sleep(0)
    assert wire.written[1:] == [b"\x8a\x01c"]


async def test_what_waits_for_the_reader_comes_after_the_frames_of_the_turn() -> None:
    wire = Wire()
    wire.may_send.set()
    frames = frames_to(wire)
    frames.write(b"a", WSMsgType.TEXT)
    await frames.send(b"b", WSMsgType.TEXT)
    await asyncio.sleep(0)
    assert wire.written == [b"\x81\x01a", b"\x81\x01b"]


async def test_a_reader_that_is_behind_or_gone_is_given_nothing_at_once() -> None:
    wire = Wire()
    frames = frames_to(wire)
    wire.waiting = HIGH_WATER + 1
    assert not frames.write(b"a", WSMsgType.TEXT)
    wire.waiting = 0
    assert frames.write(b"b" * (HIGH_WATER + 1), WSMsgType.TEXT)
    assert not frames.write(b"c", WSMsgType.TEXT), "what this turn writes counts"
    wire.closing = True
    await asyncio.sleep(0)
    assert not frames.write(b"d", WSMsgType.TEXT)
    assert wire.written == []


async def test_nothing_overtakes_what_waits_in_the_outbox() -> None:
    wire = Wire()
    outbox = Outbox(frames_to(wire), 10, 1_000, 60.0)
    writing = asyncio.create_task(outbox.run())
    wire.waiting = HIGH_WATER + 1
    outbox.push(b"", WSMsgType.PING)
    wire.waiting = 0
    assert not outbox.offer(b"early"), "the ping waits"
    await asyncio.sleep(0.01)
    assert wire.written == [b"\x89\x00"]
    assert not outbox.offer(b"early"), "it is being sent"
    wire.may_send.set()
    await outbox.flushed()
    assert outbox.offer(b"now")
    await asyncio.sleep(0)
    assert wire.written == [b"\x89\x00", b"\x81\x03now"]
    writing.cancel()


async def test_who_asks_and_reads_nothing_is_a_slow_reader() -> None:
    wire = Wire()
    wire.waiting = HIGH_WATER + 1
    outbox = Outbox(frames_to(wire), 10, 1_000, 60.0)
    for _ in range(20):
        outbox.push(b"")
    with pytest.raises(SlowReader):
        outbox.push(b"")
