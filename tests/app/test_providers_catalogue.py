"""The table of models in the configuration."""

import subprocess
import sys
from typing import Any

import pytest

from app.config import Settings
from app.config_entries import ModelEntry
from app.providers.catalogue import Catalogue
from app.providers.mock import MockProvider
from app.providers.openai import OpenAIProvider
from models.errors import Invalid
from models.providing import ModelCatalogue, ModelInfo, Prompt

KEY: dict[str, Any] = {"openai_api_key": "sk-made-up", "openai_base_url": None}
URL: dict[str, Any] = {"openai_api_key": None, "openai_base_url": "http://127.0.0.1:1/v1"}
NEITHER: dict[str, Any] = {"openai_api_key": "", "openai_base_url": ""}


def catalogue(**settings: Any) -> Catalogue:
    return Catalogue(Settings(**(NEITHER | settings)))


def test_entries_are_the_table_in_its_order() -> None:
    made: ModelCatalogue = catalogue(
        models=[
            ModelEntry(id="openai:b:c", tier="best", context=400_000),
            ModelEntry(id="mock:slow", tier="cheap", context=32_000),
        ],
        default_model="mock:slow",
    )
    assert list(made.entries()) == [
        ModelInfo("openai:b:c", "openai", "best", 400_000, available=False, takes_key=True),
        ModelInfo("mock:slow", "mock", "cheap", 32_000, available=True),
    ]
    assert made.default == "mock:slow"


@pytest.mark.parametrize(
    ("settings", "available"), [(KEY, True), (URL, True), (KEY | URL, True), (NEITHER, False)]
)
def test_openai_is_available_with_an_address_or_a_key(
    settings: dict[str, Any], available: bool
) -> None:
    made = catalogue(**settings)
    model = made.find("openai:gpt-5.1-mini")
    assert model is not None
    assert model.available is available


def test_find_compares_ids_exactly() -> None:
    made = catalogue()
    assert made.find("mock:raypx-1") is not None
    for unknown in ("mock:RAYPX-1", "raypx-1", "mock", "mock:", "", "gpt:x", "mock:raypx-1 "):
        assert made.find(unknown) is None


def test_provider_for_takes_the_prefix_off() -> None:
    models = [ModelEntry(id="openai:org/x:free"), ModelEntry(id="mock:raypx-1")]
    made = catalogue(models=models, **URL)
    provider, name = made.provider_for("openai:org/x:free")
    assert isinstance(provider, OpenAIProvider)
    assert name == "org/x:free"
    provider, name = made.provider_for("mock:raypx-1")
    assert isinstance(provider, MockProvider)
    assert name == "raypx-1"


@pytest.mark.parametrize("model", ["mock:other", ""])
def test_provider_for_refuses_unknown_models(model: str) -> None:
    with pytest.raises(Invalid) as caught:
        catalogue().provider_for(model)
    assert caught.value.field == "model"


@pytest.mark.parametrize(
    "settings",
    [
        {"default_model": "mock:none"},
        {"models": [ModelEntry(id="mock:raypx-1"), ModelEntry(id="mock:raypx-1")]},
        {"models": [ModelEntry(id="mock:raypx-1"), ModelEntry(id="other:x")]},
        {"models": [ModelEntry(id="mock:raypx-1"), ModelEntry(id="openai:")]},
        {"models": [ModelEntry(id="mock:raypx-1"), ModelEntry(id="openai")]},
    ],
)
def test_a_table_that_cannot_work_is_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"model .* (listed|named)"):
        catalogue(**settings)


async def test_the_sleep_reaches_the_mock_models() -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    made = Catalogue(Settings(), sleep=sleep)
    provider, name = made.provider_for("mock:slow")
    await anext(aiter(provider.stream(Prompt(name, [], "gen_1"))))
    assert slept == [3.0]
    await made.close()


async def test_closing_an_unused_catalogue_does_nothing() -> None:
    await catalogue(**KEY).close()
    await catalogue().close()


def test_the_sdk_is_not_imported_for_a_catalogue() -> None:
    code = (
        "import sys; from app.config import Settings;"
        "from app.providers.catalogue import Catalogue;"
        "Catalogue(Settings(openai_api_key='k')); sys.exit('openai' in sys.modules)"
    )
    ran = subprocess.run([sys.executable, "-c", code], check=False)  # noqa: S603 - our own code
    assert ran.returncode == 0
