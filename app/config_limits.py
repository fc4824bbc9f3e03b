"""The settings of how much may be done in a day and in a minute."""

from zoneinfo import ZoneInfo

from pydantic import Field, NonNegativeInt
from pydantic_settings import BaseSettings


class LimitSettings(BaseSettings):
    """Every limit and its default; see app.config."""

    daily_limits: bool = Field(
        default=True, description="Whether messages and uploads are counted and limited by the day."
    )
    daily_zone: ZoneInfo = Field(
        default=ZoneInfo("America/Los_Angeles"),
        description="The zone in whose midnight a day begins, such as `Europe/Berlin`.",
    )
    guest_messages: int = Field(default=5, ge=0, description="Messages a day of one guest.")
    guest_address_messages: int = Field(
        default=5, ge=0, description="The same of all guests who come from one address."
    )
    user_messages: int = Field(
        default=1_000, ge=0, description="Messages a day of one user to models of the tier `cheap`."
    )
    pro_messages: int = Field(
        default=500, ge=0, description="The same to models of other tiers, counted apart."
    )
    free_uploads: int = Field(
        default=5, ge=0, description="Uploads a day of a user without a paying plan."
    )
    rate_limits: dict[str, NonNegativeInt] = Field(
        default={},
        description="How often a user may do something in its window, as JSON by action, where "
        'the number of docs/limits.md does not suit: `{"message": 60}`; 0 is any number.',
    )
    cost_per_minute: int = Field(
        default=200_000,
        ge=0,
        description="Rows and fields that one user may ask for in a minute, and all guests and "
        "signed-out callers of one address; 0 is any number.",
    )
