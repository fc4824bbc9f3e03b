"""What can go wrong, as classes with a code that clients may rely on."""

from collections.abc import Generator
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import ClassVar


class ErrorCode(StrEnum):
    """The `code` in an error's extensions. Codes are never renamed."""

    BAD_REQUEST = "BAD_REQUEST"
    CONFLICT = "CONFLICT"
    FORBIDDEN = "FORBIDDEN"
    INTERNAL = "INTERNAL"
    INVALID = "INVALID"
    NOT_CONNECTED = "NOT_CONNECTED"
    NOT_FOUND = "NOT_FOUND"
    OUT_OF_CREDITS = "OUT_OF_CREDITS"
    OVER_BUDGET = "OVER_BUDGET"
    PARSE_FAILED = "PARSE_FAILED"
    PERSISTED_QUERY_NOT_FOUND = "PERSISTED_QUERY_NOT_FOUND"
    PERSISTED_QUERY_NOT_SUPPORTED = "PERSISTED_QUERY_NOT_SUPPORTED"
    RATE_LIMITED = "RATE_LIMITED"
    TIMEOUT = "TIMEOUT"
    TOO_COSTLY = "TOO_COSTLY"
    TOO_LARGE = "TOO_LARGE"
    UNAUTHENTICATED = "UNAUTHENTICATED"
    UNAVAILABLE = "UNAVAILABLE"
    VALIDATION_FAILED = "VALIDATION_FAILED"


class DomainError(Exception):
    """A refusal whose message is meant for the client.

    `field` names the input field at fault in dotted camel case (`to.projectId`);
    `retry_after` is in seconds.
    """

    code: ClassVar[ErrorCode] = ErrorCode.INTERNAL

    def __init__(
        self, message: str, *, field: str | None = None, retry_after: float | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.field = field
        self.retry_after = retry_after

    @property
    def extensions(self) -> dict[str, object]:
        """`code`, and `field` and `retryAfter` (whole seconds, rounded up) where they apply."""
        found: dict[str, object] = {"code": self.code.value}
        if self.field is not None:
            found["field"] = self.field
        if self.retry_after is not None:
            found["retryAfter"] = max(1, -int(-self.retry_after // 1))
        return found


class BadRequest(DomainError):
    """The request itself is not well formed."""

    code = ErrorCode.BAD_REQUEST


class Conflict(DomainError):
    """The row is not in a state that allows this, or someone else was first."""

    code = ErrorCode.CONFLICT


class Forbidden(DomainError):
    """The viewer sees the row but may not do this to it."""

    code = ErrorCode.FORBIDDEN


class Invalid(DomainError):
    """A value does not fit: too long, out of range, not allowed."""

    code = ErrorCode.INVALID


@contextmanager
def within(field: str) -> Generator[None, None, None]:
    """Have an Invalid raised inside name its field below `field`: `url`, `attachments.0.url`."""
    try:
        yield
    except Invalid as error:
        named = f"{field}.{error.field}" if error.field else field
        raise Invalid(error.message, field=named) from error


class NotConnected(DomainError):
    """The user has connected no such outside service, or must connect it anew."""

    code = ErrorCode.NOT_CONNECTED


class NotFound(DomainError):
    """No such row, or none that the viewer may see: the two look alike on purpose."""

    code = ErrorCode.NOT_FOUND


class RateLimited(DomainError):
    """Too many requests; `retry_after` says when to come back."""

    code = ErrorCode.RATE_LIMITED


class DailyLimitReached(RateLimited):
    """No more of it until `resets_at`; of `limit` a day, `remaining` would have been left."""

    def __init__(self, message: str, *, limit: int, remaining: int, resets_at: datetime) -> None:
        super().__init__(message)
        self.limit = limit
        self.remaining = remaining
        self.resets_at = resets_at

    @property
    def extensions(self) -> dict[str, object]:
        """Also `limit`, `remaining` and `resetsAt`, in UTC with milliseconds."""
        found = {"limit": self.limit, "remaining": self.remaining}
        return super().extensions | found | {"resetsAt": _shown(self.resets_at)}


def _shown(time: datetime) -> str:
    """A time in UTC with milliseconds."""
    return f"{time.isoformat(timespec='milliseconds').removesuffix('+00:00')}Z"


class OutOfCredits(DomainError):
    """It costs `cost`, but of `limit` credits only `remaining` are left until `resets_at`.

    None for what the viewer may not know, and for a reset that would not help.
    """

    code = ErrorCode.OUT_OF_CREDITS

    def __init__(
        self,
        message: str,
        *,
        cost: Decimal,
        limit: Decimal | None = None,
        remaining: Decimal | None = None,
        resets_at: datetime | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message, retry_after=retry_after)
        self.cost = cost
        self.limit = limit
        self.remaining = remaining
        self.resets_at = resets_at

    @property
    def extensions(self) -> dict[str, object]:
        """Also `cost`, and `limit`, `remaining` and `resetsAt` where they are known."""
        numbers = {"cost": self.cost, "limit": self.limit, "remaining": self.remaining}
        found = {name: float(number) for name, number in numbers.items() if number is not None}
        until = {} if self.resets_at is None else {"resetsAt": _shown(self.resets_at)}
        return super().extensions | found | until


class OverBudget(OutOfCredits):
    """The same where not the user's plan but a budget says so."""

    code = ErrorCode.OVER_BUDGET


class TimedOut(DomainError):
    """The operation took longer than the server allows; its SQL was stopped."""

    code = ErrorCode.TIMEOUT


class TooCostly(DomainError):
    """The operation is deeper, wider or costlier than the server allows."""

    code = ErrorCode.TOO_COSTLY


class TooLarge(DomainError):
    """The request body or a message on a socket is larger than the server reads."""

    code = ErrorCode.TOO_LARGE


class Unauthenticated(DomainError):
    """No viewer, or a token that does not hold."""

    code = ErrorCode.UNAUTHENTICATED


class Unavailable(DomainError):
    """Something the request needs is down for now; trying again later may help."""

    code = ErrorCode.UNAVAILABLE
