"""The settings of the payment provider Polar."""

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings

from models.billing.plans import PlanTier


class PolarSettings(BaseSettings):
    """What is sold, and how Polar is reached and reaches us; see app.config."""

    polar_products: dict[str, PlanTier] = Field(
        default={},
        description="Polar's products and the plans they pay for, as JSON: "
        '`{"<product id>": "pro"}`; a plan is `pro` or `unlimited`.',
    )
    polar_webhook_secret: SecretStr | None = Field(
        default=None, description="Signs what Polar posts to `/webhooks/polar`."
    )
    polar_token: SecretStr | None = Field(
        default=None,
        description="An organisation's access token at Polar, for checkouts and all else that asks "
        "it something.",
    )
    polar_server: str = Field(
        default="https://api.polar.sh",
        description="Where Polar's API is; `https://sandbox-api.polar.sh` to try it.",
    )
    polar_timeout: float = Field(
        default=10.0, gt=0, description="Seconds that one question to Polar may take."
    )
