"""The settings of credits: what answers cost, and how many credits a plan has."""

from decimal import Decimal
from typing import Annotated

from pydantic import Field
from pydantic_settings import BaseSettings

Credits = Annotated[Decimal, Field(ge=0, lt=1_000_000, decimal_places=4)]

MULTIPLIERS: dict[str, Credits] = {
    f"mock:{name}": Decimal(0) for name in ("raypx-1", "slow", "fail", "endless", "tools")
} | {"openai:gpt-5.1-codex": Decimal(2)}
"""Nobody pays for what the mock makes up."""


class CreditSettings(BaseSettings):
    """Every setting of credits and its default."""

    credits: bool = Field(
        default=True, description="Whether answers cost credits, of which each plan has so many."
    )
    credit_hours: float = Field(
        default=24.0, gt=0, description="Hours until credits are renewed, from their first use on."
    )
    free_credits: Credits = Field(
        default=Decimal(5), description="Credits of users without a paying plan."
    )
    pro_credits: Credits = Field(
        default=Decimal(100), description="Credits of the plan `pro`; `unlimited` has no limit."
    )
    cheap_multiplier: Credits = Field(
        default=Decimal("0.5"), description="What an answer of a model of the tier `cheap` costs."
    )
    pro_multiplier: Credits = Field(default=Decimal(1), description="The same of the tier `pro`.")
    best_multiplier: Credits = Field(default=Decimal(2), description="The same of the tier `best`.")
    model_multipliers: dict[str, Credits] = Field(
        default=MULTIPLIERS,
        description="What answers of single models cost instead, by their ids; 0 is for free.",
    )
    least_cost: Credits = Field(
        default=Decimal("0.5"), description="What an answer that is not for free costs at least."
    )
