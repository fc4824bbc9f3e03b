"""Models that need no network and always answer a prompt in the same way."""

import asyncio
import re
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from itertools import chain, islice

from app.providers.answers import answer, words
from app.providers.directives import Directives, parse
from app.providers.mock_tools import results, tool_calls
from models.chat.prompts import estimate_tokens
from models.providing import Delta, Finish, Prompt, ProviderError

Sleep = Callable[[float], Awaitable[object]]

# Long runs are cut, so that no piece is larger than a model's token plausibly is.
_PIECE = re.compile(r"\S{1,80}\s{0,80}|\s{1,80}")


@dataclass(frozen=True, slots=True)
class _Pace:
    """Seconds before the first piece, and between two."""

    first: float
    gap: float


TITLE_WORDS = 5

_PACES = {
    "raypx-1": _Pace(0.02, 0.004),
    "slow": _Pace(3.0, 0.5),
    "fail": _Pace(0.02, 0.004),
    "endless": _Pace(0.02, 0.02),
    "tools": _Pace(0.02, 0.004),
}


class MockProvider:
    """`raypx-1` answers, `slow` takes its time, `fail` breaks off midway, `endless` never ends,
    `tools` calls tools.

    The user's last message steers them with directives, for example `[[tokens:500]]`,
    `[[delay:5ms]]`, `[[first:1s]]`, `[[fail-after:20]]` (pieces), `[[fail-once]]` (only
    while `Prompt.attempt` is 0), `[[refuse]]` (not retryable), `[[echo:this text]]` and
    `[[reasoning:a thought]]`. A failure that would come after the end comes at the end.
    `tools` calls what `[[call:NAME {"an": "argument"}]]` says, or else the first tool, all at once;
    `[[rounds:2]]` does so twice. Then it says what it was told; only that can fail.
    A title is the first words of what the user said. `sleep` waits the seconds it is given.
    """

    def __init__(self, *, sleep: Sleep = asyncio.sleep) -> None:
        self._sleep = sleep

    async def stream(
        self, prompt: Prompt, key: str | None = None
    ) -> AsyncGenerator[Delta | Finish, None]:
        """Yield the answer piece by piece; raises ProviderError for an unknown model."""
        pace = _PACES.get(prompt.model)
        if pace is None:
            raise ProviderError("The provider does not know this model.", retryable=False)
        asked = parse(_last_text(prompt))
        if prompt.purpose == "title":
            yield Delta(_title(asked.text))
            yield Finish("stop", _usage(prompt, 1))
            return
        if asked.refuse:
            raise ProviderError("The provider refused the request.", retryable=False)
        await self._sleep(pace.first if asked.first is None else asked.first)
        gap = pace.gap if asked.delay is None else asked.delay
        calls = tool_calls(prompt, asked) if prompt.model == "tools" else ()
        deltas = calls or _deltas(prompt, asked)
        failing = None if calls else _failing(prompt, asked, len(deltas))
        part = 0 if asked.reasoning is None else 1
        endless = prompt.model == "endless"
        more = (Delta(word, part) for word in words(prompt.key)) if endless else ()
        for number, delta in enumerate(chain(deltas, more)):
            if number == failing:
                break
            if number:
                await self._sleep(gap)
            yield delta
        if failing is not None:
            raise ProviderError("The provider broke off the answer.", retryable=True)
        yield Finish("tool_calls" if calls else "stop", _usage(prompt, len(deltas)))


def _last_text(prompt: Prompt) -> str:
    for message in reversed(prompt.messages):
        if message.role == "user":
            return "\n".join(part.value for part in message.parts if part.kind == "text")
    return ""


def _title(text: str) -> str:
    """The first words of a text, and always some."""
    return " ".join(text.split()[:TITLE_WORDS]) or "Untitled"


def _deltas(prompt: Prompt, asked: Directives) -> list[Delta]:
    """The pieces of the answer, without what `endless` adds."""
    thought = [Delta(piece, 0, "reasoning") for piece in _pieces(asked.reasoning or "")]
    part = 0 if asked.reasoning is None else 1
    if asked.echo is None and asked.tokens is not None:
        return thought + [Delta(word, part) for word in islice(words(prompt.key), asked.tokens)]
    told = results(prompt) if prompt.model == "tools" else ""
    text = told or (answer(asked.text) if asked.echo is None else asked.echo)
    return thought + [Delta(piece, part) for piece in _pieces(text)]


def _pieces(text: str) -> Iterator[str]:
    return (match[0] for match in _PIECE.finditer(text))


def _failing(prompt: Prompt, asked: Directives, length: int) -> int | None:
    """How many pieces come before the failure, if there is one."""
    if asked.fail_once and prompt.attempt:
        return None
    if asked.fail_after is not None:
        return asked.fail_after
    return length // 2 if asked.fail_once or prompt.model == "fail" else None


def _usage(prompt: Prompt, pieces: int) -> dict[str, int]:
    return {"inputTokens": estimate_tokens(prompt.messages), "outputTokens": pieces}
