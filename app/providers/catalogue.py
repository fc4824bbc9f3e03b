"""The models of the configuration, and the provider behind each."""

import asyncio
from collections.abc import Container, Mapping, Sequence

from app.config import Settings
from app.config_entries import ModelEntry, PriceEntry
from app.providers.mock import MockProvider, Sleep
from app.providers.openai import OpenAIProvider
from models.errors import Invalid
from models.providing import ModelInfo, ModelProvider, Price, ProviderError


class Catalogue:
    """A ModelCatalogue made from the settings.

    Raises ValueError for a table that cannot work: a repeated id, an unknown provider, a default
    that is not listed. The providers are made here, but connect and import only when used.
    """

    def __init__(self, settings: Settings, *, sleep: Sleep = asyncio.sleep) -> None:
        self._keyed = {"openai": _openai(settings)}
        self._providers: dict[str, ModelProvider] = {
            "mock": MockProvider(sleep=sleep),
            **self._keyed,
        }
        configured = bool(settings.openai_api_key or settings.openai_base_url)
        available = {"mock": True, "openai": configured}
        self._models: dict[str, ModelInfo] = {}
        for entry in settings.models:
            if entry.id in self._models:
                raise ValueError(f"The model {entry.id!r} is listed twice.")
            self._models[entry.id] = _info(entry, available, self._keyed)
        if settings.default_model not in self._models:
            raise ValueError(f"The default model {settings.default_model!r} is not listed.")
        self._default = settings.default_model

    @property
    def default(self) -> str:
        """The id used when nobody chose another."""
        return self._default

    def entries(self) -> Sequence[ModelInfo]:
        """All models, in the order of the configuration."""
        return list(self._models.values())

    def find(self, model_id: str) -> ModelInfo | None:
        """The model of that id, or None; ids are compared exactly."""
        return self._models.get(model_id)

    def choose(self, model_id: str | None, field: str = "model") -> ModelInfo:
        """The named model, or the default one. Raises Invalid for one that can't be used."""
        found = self.find(self._default if model_id is None else model_id)
        if found is None or not found.available:
            raise Invalid("There is no such model here.", field=field)
        return found

    def provider_for(self, model_id: str) -> tuple[ModelProvider, str]:
        """Who answers, and the name the provider knows the model by; raises Invalid."""
        model = self._models.get(model_id)
        if model is None:
            raise Invalid("There is no such model.", field="model")
        return self._providers[model.provider], model_id.partition(":")[2]

    async def check_key(self, provider: str, key: str) -> None:
        """Show a user's own key to its provider, at no cost. Raises ProviderError."""
        if provider not in self._keyed:
            raise ProviderError("There is no such provider here any more.", retryable=False)
        await self._keyed[provider].check(key)

    async def close(self) -> None:
        """Close the connections of the providers. Streams still open break off."""
        for provider in self._keyed.values():
            await provider.close()


def _openai(settings: Settings) -> OpenAIProvider:
    key = settings.openai_api_key.get_secret_value() if settings.openai_api_key else None
    return OpenAIProvider(
        base_url=settings.openai_base_url or None,
        api_key=key or None,
        timeout=settings.openai_timeout,
    )


def _info(entry: ModelEntry, available: Mapping[str, bool], keyed: Container[str]) -> ModelInfo:
    provider, _, name = entry.id.partition(":")
    if provider not in available or not name:
        known = " or ".join(f"{each}:NAME" for each in available)
        raise ValueError(f"The model {entry.id!r} must be named {known}.")
    return ModelInfo(
        id=entry.id,
        provider=provider,
        tier=entry.tier,
        context=entry.context,
        available=available[provider],
        takes_key=provider in keyed,
        price=None if entry.price is None else _price(entry.price),
    )


def _price(entry: PriceEntry) -> Price:
    cached = entry.input if entry.cached_input is None else entry.cached_input
    return Price(entry.input, cached, entry.output)
