"""Every way in which an endpoint can fail us, as a neutral ProviderError."""

import asyncio
import time
import traceback
from datetime import UTC, datetime

import pytest
from aiohttp import web

from app.providers.openai_errors import retry_after
from models.providing import Delta, Finish, ProviderError
from tests.app.openai_endpoint import Reply, collect, endpoint, provider

SECRET = "sk-of-the-endpoint"


async def failure(
    url: str, into: list[Delta | Finish] | None = None, *, patience: float = 5.0
) -> ProviderError:
    async with provider(url, patience=patience) as source:
        with pytest.raises(ProviderError) as caught:
            await collect(source, into=into)
    shown = "".join(traceback.format_exception(caught.value))
    assert SECRET not in shown, "neither the user nor the log is told"
    assert "127.0.0.1" not in shown
    return caught.value


def refusal(status: int, **headers: str) -> web.Response:
    body = {"error": {"message": f"Bad key {SECRET}", "type": "x", "code": "y"}}
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    return web.json_response(body, status=status, headers=headers)


@pytest.mark.parametrize("status", [408, 409, 429, 500, 502, 503, 529])
async def test_statuses_worth_another_try(status: int) -> None:
    async def play(_: Reply) -> web.Response:
        return refusal(status)

    async with endpoint(play) as server:
        error = await failure(server.url)
    assert (error.retryable, error.retry_after) == (True, None)
    assert len(server.bodies) == 1, "the worker repeats, not the SDK"


@pytest.mark.parametrize("status", [400, 401, 403, 404, 413, 422])
async def test_statuses_that_stay_as_they_are(status: int) -> None:
    async def play(_: Reply) -> web.Response:
        return refusal(status, Retry_After="3")

    async with endpoint(play) as server:
        error = await failure(server.url)
    assert (error.retryable, error.retry_after) == (False, None)


async def test_429_says_how_long_to_wait() -> None:
    async def play(_: Reply) -> web.Response:
        return refusal(429, Retry_After="7")

    async with endpoint(play) as server:
        error = await failure(server.url)
    assert (error.message, error.retryable, error.retry_after) == (
        "The provider is busy.",
        True,
        7.0,
    )


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("12", 12.0),
        ("1.5", 1.5),
        ("-3", 0.0),
        ("Fri, 31 Jul 2026 10:00:30 GMT", 30.0),
        ("Fri, 31 Jul 2026 10:00:30 -0000", 30.0),
        ("Fri, 31 Jul 2026 09:00:00 GMT", 0.0),
        ("1e9", 86_400.0),
        ("inf", None),
        ("nan", None),
        ("soon", None),
        ("Fri, 99 Jul 2026 10:00:30 GMT", None),
        ("", None),
        (None, None),
    ],
)
def test_retry_after_as_seconds_or_date(value: str | None, seconds: float | None) -> None:
    assert retry_after(value, datetime(2026, 7, 31, 10, tzinfo=UTC)) == seconds


async def test_a_connection_dropped_midway_is_no_end() -> None:
    async def play(reply: Reply) -> None:
        await reply.chunk({"content": "half"})
        reply.drop()

    found: list[Delta | Finish] = []
    async with endpoint(play) as server:
        error = await failure(server.url, found)
    assert error.retryable
    assert found == [Delta("half")]


@pytest.mark.parametrize("ends", ["eof", "done", "error"])
async def test_an_answer_without_a_reason_is_no_end_however_politely_it_closed(ends: str) -> None:
    async def play(reply: Reply) -> None:
        await reply.chunk({"content": "half"})
        if ends == "error":
            await reply.chunk({}, reason="error")
        if ends != "eof":
            await reply.done()

    found: list[Delta | Finish] = []
    async with endpoint(play) as server:
        error = await failure(server.url, found)
    assert error.retryable
    assert found == [Delta("half")]


async def test_a_slow_first_byte_is_given_up() -> None:
    async def play(_: Reply) -> None:
        await asyncio.sleep(30)

    async with endpoint(play) as server:
        began = time.monotonic()
        error = await failure(server.url, patience=0.2)
        await asyncio.wait_for(server.closed.wait(), 2)
    assert error.retryable
    assert error.message == "The provider took too long to answer."
    assert 0.2 <= time.monotonic() - began < 3


async def test_silence_midway_is_given_up() -> None:
    async def play(reply: Reply) -> None:
        await reply.chunk({"content": "half"})
        await asyncio.sleep(30)

    found: list[Delta | Finish] = []
    async with endpoint(play) as server:
        error = await failure(server.url, found, patience=0.2)
        await asyncio.wait_for(server.closed.wait(), 2)
    assert error.retryable
    assert found == [Delta("half")]


@pytest.mark.parametrize(
    "data",
    [
        "{not json",
        "[1, 2]",
        '"text"',
        '{"choices": "abc"}',
        '{"choices": [7]}',
        '{"choices": [{"index": 0, "delta": {"content": 7}}]}',
        '{"choices": [{"index": 0, "finish_reason": 7}]}',
        '{"choices": [{"index": 0, "delta": {"tool_calls": [{"function": {"arguments": [1]}}]}}]}',
        '{"choices": [{"index": 0, "delta": {"tool_calls": [{"index": "x"}]}}]}',
    ],
)
async def test_a_malformed_chunk(data: str) -> None:
    async def play(reply: Reply) -> None:
        await reply.chunk({"content": "half"})
        await reply.event(data)
        await reply.chunk({"content": "rest"}, reason="stop")
        await reply.done()

    found: list[Delta | Finish] = []
    async with endpoint(play) as server:
        error = await failure(server.url, found)
    assert (error.message, error.retryable) == ("The provider's answer could not be read.", True)
    assert found == [Delta("half")]


async def test_bytes_that_are_not_utf8() -> None:
    async def play(reply: Reply) -> None:
        await reply.chunk({"content": "half"})
        await reply.response.write(b"data: \xff\xfe\n\n")

    async with endpoint(play) as server:
        error = await failure(server.url)
    assert error.retryable


@pytest.mark.parametrize(("code", "retryable"), [("server_error", True), (401, False)])
async def test_an_error_within_the_stream(code: str | int, retryable: bool) -> None:
    async def play(reply: Reply) -> None:
        await reply.chunk({"content": "half"})
        shown = f'"{code}"' if isinstance(code, str) else code
        await reply.event(f'{{"error": {{"message": "{SECRET}", "code": {shown}}}}}')

    async with endpoint(play) as server:
        error = await failure(server.url)
    assert error.retryable is retryable


async def test_a_refusal_whose_body_breaks_off() -> None:
    async def play(reply: Reply) -> None:
        reply.response.set_status(500)
        await reply.event("half of a bo")
        reply.drop()

    async with endpoint(play) as server:
        error = await failure(server.url)
    assert error.retryable


async def test_nobody_listens() -> None:
    async with endpoint(lambda reply: reply.done()) as server:
        pass
    assert (await failure(server.url)).retryable


async def test_an_address_that_is_none_fails_each_answer_and_lets_the_server_stop() -> None:
    async with provider("http://host.test:port/v1") as source:
        for _ in range(2):
            with pytest.raises(ProviderError):
                await collect(source)
