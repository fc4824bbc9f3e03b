"""What answers are asked of: model providers and the catalogue of models, as Protocols."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    from models.tools import Tool

OWN_KEY = "ownKey"
"""In the usage of a call: it was made with a key of the user's own; of an answer: all of them."""

PartKind = Literal["text", "reasoning", "tool_call", "tool_result"]


@dataclass(frozen=True, slots=True)
class ContentPart:
    """A piece of a prompt: text, or the URL of an image."""

    kind: Literal["text", "image"]
    value: str


@dataclass(frozen=True, slots=True)
class Call:
    """A call of a tool that a model made; `arguments` is JSON as the model wrote it."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class PromptMessage:
    """One turn of what a model is given, oldest first.

    `calls` are what an assistant's turn ends with; `call_id` says which of them a tool answers.
    """

    role: Literal["system", "user", "assistant", "tool"]
    parts: Sequence[ContentPart]
    calls: Sequence[Call] = ()
    call_id: str | None = None


@dataclass(frozen=True, slots=True)
class Prompt:
    """Everything a model is given for one generation.

    `model` is the id without its provider's prefix. `key` is the same for each try of one
    generation, so that a deterministic provider can repeat itself; `attempt` is how many tries
    went before this one. `purpose` says what is wanted, for providers that can't read. `tools` are
    those that the model may call.
    """

    model: str
    messages: Sequence[PromptMessage]
    key: str
    attempt: int = 0
    purpose: Literal["answer", "title"] = "answer"
    tools: Sequence[Tool] = ()


@dataclass(frozen=True, slots=True)
class Delta:
    """The next piece of part number `part` (0, 1, …) of an answer; `text` is never empty."""

    text: str
    part: int = 0
    kind: PartKind = "text"


@dataclass(frozen=True, slots=True)
class Finish:
    """The end of an answer; a stream that ends without one was cut off.

    `usage` holds `inputTokens` and `outputTokens` where the provider tells them, and
    `cachedInputTokens`, which are among the former. `metadata` is what else it tells of the call.
    """

    reason: str
    usage: dict[str, Any] = field(default_factory=dict[str, Any])
    metadata: dict[str, Any] = field(default_factory=dict[str, Any])


class AnswerError(StrEnum):
    """What was wrong with an answer that its user can mend."""

    KEY_REFUSED = "KEY_REFUSED"
    KEY_MISSING = "KEY_MISSING"


class ProviderError(Exception):
    """The provider refused, broke off or could not be reached.

    `message` is neutral and fit for the end user: never a provider's own text, key or address.
    `retryable` says whether a second try may succeed, `retry_after` how many seconds to wait,
    `denied` whether the key was refused or is used up, so that another may be served. `usage` is
    what the provider told of the tokens before it failed, as in Finish.
    """

    def __init__(
        self,
        message: str,
        *,
        retryable: bool,
        retry_after: float | None = None,
        denied: bool = False,
        code: AnswerError | None = None,
        usage: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.retryable = retryable
        self.retry_after = retry_after
        self.denied = denied
        self.code = code
        self.usage: Mapping[str, Any] = usage or {}


class ModelProvider(Protocol):
    """A source of answers: `mock`, or an OpenAI-compatible endpoint."""

    def stream(
        self, prompt: Prompt, key: str | None = None
    ) -> AsyncGenerator[Delta | Finish, None]:
        """Yield deltas and then one Finish; raise ProviderError. Cancelling stops the call.

        `key` is a user's own, in the place of the server's.
        """
        ...


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars for a million tokens, each with four decimal places at most."""

    input: Decimal
    cached_input: Decimal
    output: Decimal


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """A model on offer.

    `provider` is the prefix of `id`; `context` the tokens that prompt and answer may hold
    together; `available` is false while its provider is not configured, and `takes_key` says
    whether users may bring a key of their own for it. `price` is None where none is configured.
    """

    id: str
    provider: str
    tier: Literal["cheap", "pro", "best"]
    context: int
    available: bool
    takes_key: bool = False
    price: Price | None = None


class ModelCatalogue(Protocol):
    """The models of the configuration: what viewers choose from and billing charges by."""

    @property
    def default(self) -> str:
        """The id used when nobody chose another; always one of `entries`."""
        ...

    def entries(self) -> Sequence[ModelInfo]:
        """All models, in the order of the configuration."""
        ...

    def find(self, model_id: str) -> ModelInfo | None:
        """The model of that id, or None; ids are compared exactly."""
        ...

    def choose(self, model_id: str | None, field: str = "model") -> ModelInfo:
        """The named model, or the default one. Raises Invalid for one that can't be used.

        `field` is the input's name for it.
        """
        ...

    def provider_for(self, model_id: str) -> tuple[ModelProvider, str]:
        """Who answers, and `Prompt.model`; raises Invalid (field `model`) where nobody does.

        One that is not `available` answers with a user's own key only.
        """
        ...

    async def check_key(self, provider: str, key: str) -> None:
        """Show a user's own key to its provider, at no cost. Raises ProviderError."""
        ...
