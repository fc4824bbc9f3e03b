"""The entries of settings that are lists."""

from typing import Literal

from pydantic import BaseModel, Field, SecretStr


class ModelEntry(BaseModel):
    """A model that viewers may choose. Billing charges by the same table."""

    id: str = Field(description="`<provider>:<name>`; the providers are `mock` and `openai`.")
    tier: Literal["cheap", "pro", "best"] = Field(default="pro", description="What it costs by.")
    context: int = Field(
        default=128_000, description="Tokens that prompt and answer may hold together."
    )


DEFAULT_MODELS = [
    ModelEntry(id="mock:raypx-1", tier="cheap", context=32_000),
    ModelEntry(id="mock:slow", tier="cheap", context=32_000),
    ModelEntry(id="mock:fail", tier="cheap", context=32_000),
    ModelEntry(id="mock:endless", tier="cheap", context=32_000),
    ModelEntry(id="mock:tools", tier="cheap", context=32_000),
    ModelEntry(id="openai:gpt-5.1-mini", tier="pro", context=400_000),
    ModelEntry(id="openai:gpt-5.1-codex", tier="best", context=400_000),
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
