"""How the token of a session gets to its owner."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from graphql_schema.core.enums import describe
from models.errors import Invalid

if TYPE_CHECKING:
    from graphql_schema.core.context import Context


class TokenCarrier(StrEnum):
    """How a session's token travels."""

    BEARER = "BEARER"
    COOKIE = "COOKIE"


describe(
    TokenCarrier,
    "How a session's token travels.",
    BEARER="In the payload; send it as `Authorization: Bearer …`.",
    COOKIE="In a cookie that no script can read, for browsers; only over HTTP.",
)


def carried(context: Context, token: str, carrier: TokenCarrier) -> str | None:
    """The token for the payload; None once it is in the answer's cookie."""
    if carrier is TokenCarrier.BEARER:
        return token
    assert context.cookie is not None, "check_carrier has been asked"
    context.cookie.keep(token, context.ports.sign_in.rules.session_lifetime)
    return None


def check_carrier(context: Context, carrier: TokenCarrier) -> None:
    """Raise Invalid where no cookie can be set."""
    if carrier is TokenCarrier.COOKIE and context.cookie is None:
        raise Invalid("Cookies are set over plain HTTP only.", field="carrier")


def same_carrier(context: Context, wanted: TokenCarrier | None) -> TokenCarrier:
    """How a session's next token travels: as wanted, else as the present one. Raises Invalid."""
    present = TokenCarrier.COOKIE if context.by_cookie else TokenCarrier.BEARER
    carrier = wanted or present
    check_carrier(context, carrier)
    return carrier
