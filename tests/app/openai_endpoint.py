"""An HTTP server on loopback that speaks chat completions, played by each test."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

from app.providers.openai import OpenAIProvider
from models.providing import ContentPart, Delta, Finish, Prompt, PromptMessage

HELLO = Prompt("gpt-x", [PromptMessage("user", [ContentPart("text", "Hello")])], "gen_1")


class Reply:
    """What a test may do with one answer: `await reply.chunk(...)`, `done`, `drop`."""

    def __init__(self, request: web.Request) -> None:
        self.request = request
        self.response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})

    async def event(self, data: str) -> None:
        if not self.response.prepared:
            await self.response.prepare(self.request)
        await self.response.write(f"data: {data}\n\n".encode())

    async def chunk(
        self, delta: dict[str, Any], *, reason: str | None = None, index: int = 0
    ) -> None:
        choice = {"index": index, "delta": delta, "finish_reason": reason}
        await self.event(json.dumps({"id": "c", "model": "gpt-x", "choices": [choice]}))

    async def done(self, *, usage: tuple[int, int] | None = None) -> None:
        if usage:
            counted = {"prompt_tokens": usage[0], "completion_tokens": usage[1]}
            await self.event(json.dumps({"id": "c", "choices": [], "usage": counted}))
        await self.event("[DONE]")

    def drop(self) -> None:
        """Cut the connection, without the end of the body."""
        assert self.request.transport is not None
        self.request.transport.abort()


Play = Callable[[Reply], Awaitable[web.Response | None]]


class Endpoint:
    """The server's side: what was asked, and `closed`, set when a client went away."""

    def __init__(self) -> None:
        self.url = ""
        self.bodies: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.closed = asyncio.Event()


Look = Callable[[web.Request], Awaitable[web.Response]]


async def no_models(_request: web.Request) -> web.Response:
    """An empty list of models."""
    return web.json_response({"object": "list", "data": []})


@asynccontextmanager
async def endpoint(play: Play, look: Look = no_models) -> AsyncIterator[Endpoint]:
    """Serve `POST /v1/chat/completions` with `play` and `GET /v1/models` with `look`."""
    seen = Endpoint()

    async def handle(request: web.Request) -> web.StreamResponse:
        seen.bodies.append(await request.json())
        seen.headers.append(dict(request.headers))
        reply = Reply(request)
        try:
            return await play(reply) or reply.response
        except asyncio.CancelledError:
            seen.closed.set()
            raise

    async def list_models(request: web.Request) -> web.Response:
        seen.headers.append(dict(request.headers))
        return await look(request)

    application = web.Application(client_max_size=64 << 20)
    application.router.add_get("/v1/models", list_models)
    application.router.add_post("/v1/chat/completions", handle)
    runner = web.AppRunner(application, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    seen.url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    try:
        yield seen
    finally:
        await runner.cleanup()


@asynccontextmanager
async def provider(
    url: str, *, patience: float = 5.0, api_key: str | None = "sk-loopback"
) -> AsyncIterator[OpenAIProvider]:
    made = OpenAIProvider(base_url=url, api_key=api_key, timeout=patience)
    try:
        yield made
    finally:
        await made.close()


async def collect(
    source: OpenAIProvider, prompt: Prompt = HELLO, into: list[Delta | Finish] | None = None
) -> list[Delta | Finish]:
    found = [] if into is None else into
    async for each in source.stream(prompt):
        found.append(each)
    return found
