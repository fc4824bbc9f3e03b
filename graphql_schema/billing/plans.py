"""Plans in the API."""

from __future__ import annotations

from graphql_schema.core.enums import describe
from models.billing.plans import PlanTier

describe(
    PlanTier,
    "A plan, by how much of the product it opens.",
    FREE="Without payment.",
    PRO="Paid, with more of everything.",
    UNLIMITED="Paid, without limits.",
)
