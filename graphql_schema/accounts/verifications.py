"""Verifications in the API, for operators: what was sent, never its value."""

from __future__ import annotations

from datetime import datetime

import strawberry

from graphql_schema.core.connection import Connection
from graphql_schema.core.entries import of_viewer, pages_of
from graphql_schema.core.enums import describe
from graphql_schema.core.node import Node
from graphql_schema.core.record_type import record_type
from models.accounts import verifications
from models.accounts.verifications import Purpose
from models.reading import Listing, Order

describe(
    Purpose,
    "What a verification proves an address for.",
    name="VerificationPurpose",
    SIGN_UP="Somebody signs up.",
    CHANGE_EMAIL="A user changes their address.",
    RESET_PASSWORD="A user forgot their password.",  # noqa: S106 - no password
)


@record_type(verifications.Verification)
class Verification(Node):
    identifier: str
    purpose: Purpose
    expires_at: datetime
    created_at: datetime
    updated_at: datetime


ALL = Listing(verifications.Verification, None, Order("created_at", descending=True), 0)


@strawberry.type
class Query:
    verifications: Connection[Verification] = pages_of(
        of_viewer, ALL, "What waits to be proven, newest first; for operators."
    )
