"""Any endpoint that speaks OpenAI's chat completions, through the official SDK."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from app.providers.chat_chunks import Answer, request_messages, request_tools
from app.providers.openai_errors import BrokenOff, provider_error
from models.providing import Delta, Finish, Prompt

if TYPE_CHECKING:
    from openai import AsyncOpenAI, AsyncStream
    from openai.types.chat import ChatCompletionChunk

# Given always, since the SDK would otherwise read an address of its own from the environment.
OPENAI_BASE_URL = "https://api.openai.com/v1"
CONNECT_TIMEOUT = 10.0
CHECK_TIMEOUT = 10.0  # seconds that showing a key may take


def _utc_now() -> datetime:
    return datetime.now(UTC)


class OpenAIProvider:
    """Streams from one endpoint; a call is never repeated here, since the worker does that.

    `timeout` is how many seconds the endpoint may send nothing, before the first byte and between
    two; `now` serves to read a `Retry-After` that holds a date. The SDK takes most of a second to
    import, so it is loaded in a thread by the first answer.
    """

    def __init__(
        self,
        *,
        base_url: str | None = None,
        api_key: str | None = None,
        timeout: float = 60.0,
        now: Callable[[], datetime] = _utc_now,
    ) -> None:
        self._base_url = base_url or OPENAI_BASE_URL
        self._api_key = api_key
        self._timeout = timeout
        self._now = now
        self._loading: asyncio.Task[AsyncOpenAI] | None = None

    async def stream(
        self, prompt: Prompt, key: str | None = None
    ) -> AsyncGenerator[Delta | Finish, None]:
        """Yield deltas as they arrive, then one Finish; raises ProviderError.

        An answer that ends without the model's `finish_reason` was broken off, and is an error
        however politely the connection closed. Parts are numbered as they first appear.
        """
        answer = Answer()
        try:
            client = await self._client()
            async with await self._open(client, prompt, key) as chunks:
                async for chunk in chunks:
                    for delta in answer.read(chunk):
                        yield delta
        except Exception as error:  # noqa: BLE001 - whatever it is, the provider failed
            # What the model called complete stays so, whatever happens to the connection.
            if answer.reason is None:
                failure = provider_error(error, self._now(), own_key=key is not None)
                failure.usage = answer.usage
                raise failure from None
        if answer.reason is None:
            failure = provider_error(BrokenOff(), self._now())
            failure.usage = answer.usage
            raise failure
        for delta in answer.close():
            yield delta
        yield answer.finish()

    async def check(self, key: str) -> None:
        """See whether the endpoint accepts a key, by its list of models. Raises ProviderError."""
        try:
            client = await self._client()
            async with asyncio.timeout(CHECK_TIMEOUT):
                await client.models.list(extra_headers=self._headers(key))
        except Exception as error:  # noqa: BLE001 - whatever it is, the provider failed
            raise provider_error(error, self._now(), own_key=True) from None

    async def close(self) -> None:
        """Close the connections; answers still open break off."""
        if self._loading is not None:
            await asyncio.wait([self._loading])
            if self._loading.exception() is None:
                await self._loading.result().close()

    async def _open(
        self, client: "AsyncOpenAI", prompt: Prompt, key: str | None
    ) -> "AsyncStream[ChatCompletionChunk]":
        from openai import omit

        return await client.chat.completions.create(
            model=prompt.model,
            messages=request_messages(prompt.messages),
            tools=request_tools(prompt.tools) if prompt.tools else omit,
            stream=True,
            stream_options={"include_usage": True},
            extra_headers=self._headers(key),
        )

    def _headers(self, key: str | None) -> dict[str, Any]:
        """What a call differs in by whose key it is made with."""
        from openai import omit

        # The SDK would fill these in from its own environment variables.
        headers: dict[str, Any] = {"OpenAI-Organization": omit, "OpenAI-Project": omit}
        if key is not None:
            headers["Authorization"] = f"Bearer {key}"
        elif self._api_key is None:
            headers["Authorization"] = omit
        return headers

    async def _client(self) -> "AsyncOpenAI":
        # Shielded: the first answer's cancellation must not fail those that wait beside it.
        if self._loading is None:
            self._loading = asyncio.create_task(asyncio.to_thread(self._load))
        return await asyncio.shield(self._loading)

    def _load(self) -> "AsyncOpenAI":
        from openai import AsyncOpenAI, Timeout

        client = AsyncOpenAI(
            base_url=self._base_url,
            api_key=self._api_key or "none",
            timeout=Timeout(self._timeout, connect=CONNECT_TIMEOUT),
            max_retries=0,
        )
        client.chat.completions  # noqa: B018 - the SDK imports its resources on first access
        client.models  # noqa: B018
        return client
