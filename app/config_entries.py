"""The entries of settings that are lists."""

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import BaseModel, Field, SecretStr

Dollars = Annotated[Decimal, Field(ge=0, le=100_000, decimal_places=4)]


class PriceEntry(BaseModel):
    """What a model costs: US dollars for a million tokens, with four decimal places at most."""

    input: Dollars = Field(description="For tokens of prompts.")
    cached_input: Dollars | None = Field(
        default=None, description="For those that the provider had cached; default: as `input`."
    )
    output: Dollars = Field(description="For tokens of answers.")


class ModelEntry(BaseModel):
    """A model that viewers may choose. Billing charges by the same table."""

    id: str = Field(description="`<provider>:<name>`; the providers are `mock` and `openai`.")
    tier: Literal["cheap", "pro", "best"] = Field(default="pro", description="What it costs by.")
    context: int = Field(
        default=128_000, description="Tokens that prompt and answer may hold together."
    )
    price: PriceEntry | None = Field(
        default=None,
        description="US dollars for a million tokens: `input`, `cached_input` and `output`. Unset: "
        "its use is counted and costs nothing.",
    )


def _price(input: str, cached_input: str, output: str) -> PriceEntry:
    return PriceEntry(
        input=Decimal(input), cached_input=Decimal(cached_input), output=Decimal(output)
    )


DEFAULT_MODELS = [
    ModelEntry(id="mock:raypx-1", tier="cheap", context=32_000),
    ModelEntry(id="mock:slow", tier="cheap", context=32_000),
    ModelEntry(id="mock:fail", tier="cheap", context=32_000),
    ModelEntry(id="mock:endless", tier="cheap", context=32_000),
    ModelEntry(id="mock:tools", tier="cheap", context=32_000),
    ModelEntry(
        id="openai:gpt-5.1-mini", tier="pro", context=400_000, price=_price("0.25", "0.025", "2")
    ),
    ModelEntry(
        id="openai:gpt-5.1-codex", tier="best", context=400_000, price=_price("1.25", "0.125", "10")
    ),
]


class OAuthClient(BaseModel):
    """What a provider knows this installation by."""

    client_id: str = Field(description="The client id that the provider gave you.")
    client_secret: SecretStr = Field(description="The client secret that it gave you.")
    scope: str | None = Field(default=None, description="What is asked for; default: the least.")


class SignInProvider(OAuthClient):
    """A provider through which users may sign in: an OpenID issuer, or GitHub."""

    id: str = Field(
        pattern=r"^[a-z][a-z0-9-]{0,30}$",
        description="Its name in `/auth/<id>`; `google` and `github` need no addresses.",
    )
    issuer: str | None = Field(default=None, description="The OpenID issuer; not for GitHub.")
    url: str = Field(default="https://github.com", description="GitHub's pages.")
    api_url: str = Field(default="https://api.github.com", description="GitHub's API.")


class ConnectionEntry(OAuthClient):
    """An outside service that users may connect."""

    id: Literal["figma", "github"] = Field(description="Which one.")
    url: str | None = Field(default=None, description="Its pages; default: the service's own.")
    api_url: str | None = Field(default=None, description="Its API; default: the service's own.")
