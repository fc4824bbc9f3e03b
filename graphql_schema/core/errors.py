"""From what went wrong to the `errors` of a GraphQL response."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from traceback import walk_tb
from typing import Any, TypeAlias, cast

import structlog
from asyncpg import exceptions as pg  # pyright: ignore[reportMissingTypeStubs] - it has none
from graphql import GraphQLError, GraphQLSyntaxError, ObjectFieldNode, ValueNode

from graphql_schema.core.values import field_path
from models.errors import DomainError, ErrorCode, Invalid, TimedOut, Unavailable

ResponseError: TypeAlias = dict[str, Any]
"""One entry of `errors`: message, locations, path and extensions, ready for JSON."""

MAX_ERRORS = 20
"""Errors that validation and variables may report before the rest is skipped."""

MAX_MESSAGE = 500
"""Characters of a message: clients choose what it quotes."""

MAX_LOGGED = 5
"""Masked errors of one response that are logged; a list may fail at every item."""

LOST_DATABASE = (
    ConnectionError,
    FileNotFoundError,  # the socket of a PostgreSQL that is down
    pg.PostgresConnectionError,
    pg.CannotConnectNowError,
    pg.AdminShutdownError,
    pg.CrashShutdownError,
    pg.TooManyConnectionsError,
    pg.ConnectionDoesNotExistError,
    pg.ConnectionFailureError,
    pg.InterfaceError,
)

_BLAMED = re.compile(
    r"Variable '\$(\w+)' has invalid value(?: at ([\w.\[\]]+))?: "
    r"(?:Expected value of type '[^']*' (?:not )?to include (?:required|unknown) field '(\w+)')?"
)

log = structlog.get_logger(__name__)


class Refused(Exception):
    """The operation cannot go on; `errors` are ready for the client."""

    def __init__(self, errors: Sequence[ResponseError]) -> None:
        super().__init__(", ".join(error_codes(errors)))
        self.errors = list(errors)


def in_a_line(error: ResponseError) -> str:
    """The message of an error with its first place."""
    places = error.get("locations", [])[:1]
    return error["message"] + "".join(
        f" (line {place['line']}, column {place['column']})" for place in places
    )


def error_codes(errors: Sequence[ResponseError]) -> list[str]:
    """The distinct codes in the order they first appear."""
    return list(dict.fromkeys(str(error["extensions"]["code"]) for error in errors))


def refusal(error: DomainError) -> ResponseError:
    """A refusal that has no place in the document."""
    return {"message": cut(error.message), "extensions": error.extensions}


def cut(message: str) -> str:
    """The message in at most MAX_MESSAGE characters."""
    return message if len(message) <= MAX_MESSAGE else message[: MAX_MESSAGE - 1] + "…"


def placed(error: GraphQLError, message: str, extensions: Mapping[str, object]) -> ResponseError:
    """An entry that keeps the error's locations and path as the specification has them."""
    found: ResponseError = {"message": cut(message)}
    if error.locations:
        found["locations"] = [place.formatted for place in error.locations[:10]]
    if error.path is not None:
        found["path"] = error.path
    found["extensions"] = dict(extensions)
    return found


def parse_error(error: GraphQLSyntaxError) -> ResponseError:
    """A document that does not parse."""
    return placed(error, error.message, {"code": ErrorCode.PARSE_FAILED.value})


def validation_error(error: GraphQLError) -> ResponseError:
    """A document that does not fit the schema; a literal that does not fit is INVALID."""
    if isinstance(error.original_error, DomainError):
        return placed(error, error.message, error.original_error.extensions)
    code = ErrorCode.INVALID if is_literal_error(error) else ErrorCode.VALIDATION_FAILED
    return placed(error, error.message, {"code": code.value})


def is_literal_error(error: GraphQLError) -> bool:
    """Whether a value is at fault and nothing but a value: no other rule blames these alone."""
    nodes = error.nodes or []
    return bool(nodes) and all(isinstance(node, ValueNode | ObjectFieldNode) for node in nodes)


def variable_error(error: GraphQLError) -> ResponseError:
    """A variable whose value does not fit its type."""
    for cause in causes(error):
        if isinstance(cause, DomainError):
            return placed(error, error.message, cause.extensions)
    return placed(error, error.message, Invalid("", field=blamed_field(error)).extensions)


def blamed_field(error: GraphQLError) -> str | None:
    """The input field that an error of a variable is about; only its message tells."""
    found = _BLAMED.match(error.message)
    if found is None:
        return None
    variable, path, missing = found.groups()
    below = re.findall(r"\w+", path or "")
    return field_path([variable, *below, *filter(None, [missing])])


def causes(error: BaseException | None) -> Iterator[BaseException]:
    """The error and what it came from, at most eight deep."""
    for _ in range(8):
        if error is None:
            return
        yield error
        inner = cast("BaseException | None", getattr(error, "original_error", None))
        error = inner or error.__cause__


def understood(error: BaseException) -> DomainError | None:
    """The refusal that an exception stands for; none means a defect of ours."""
    for cause in causes(error):
        if isinstance(cause, DomainError):
            return cause
        if isinstance(cause, TimeoutError | pg.QueryCanceledError):
            return TimedOut("The operation took too long.")
        if isinstance(cause, LOST_DATABASE):
            return Unavailable("The database cannot be reached.", retry_after=1)
    return None


def is_argument_error(error: GraphQLError) -> bool:
    """Whether graphql-core refused an argument, rather than a resolver or a result failing.

    Only such errors carry the argument's node before they are given their path. That of a
    condition at the root never gets one.
    """
    inner = error if error.path is None else error.original_error
    return isinstance(inner, GraphQLError) and bool(inner.nodes) and inner.original_error is None


@dataclass(slots=True)
class ErrorReport:
    """Turns what one operation raised into response errors and logs what it masks."""

    request_id: str
    logged: int = field(default=0, init=False)

    def field_error(self, error: GraphQLError) -> ResponseError:
        """An error that execution put at a path."""
        if is_argument_error(error):
            return placed(error, error.message, {"code": ErrorCode.INVALID.value})
        known = understood(error)
        if known is not None:
            return placed(error, known.message, known.extensions)
        self._log(error)
        return placed(error, "Internal error.", self._internal())

    def raised(self, error: BaseException) -> ResponseError:
        """An exception outside any field: the context, the source of a subscription."""
        known = understood(error)
        if known is not None:
            return refusal(known)
        self._log(error)
        return {"message": "Internal error.", "extensions": self._internal()}

    def _internal(self) -> dict[str, object]:
        return {"code": ErrorCode.INTERNAL.value, "requestId": self.request_id}

    def _log(self, error: BaseException) -> None:
        self.logged += 1
        if self.logged <= MAX_LOGGED:
            path = cast("list[str | int] | None", getattr(error, "path", None))
            log.error("internal error", request_id=self.request_id, path=path, **described(error))


def described(error: BaseException) -> dict[str, object]:
    """An exception without its message, which may quote rows or input."""
    chain = list(causes(error))
    origin = chain[-1]
    found: dict[str, object] = {
        "raised": [type(cause).__qualname__ for cause in chain],
        "traceback": [
            f"{frame.f_code.co_filename}:{line} {frame.f_code.co_qualname}"
            for frame, line in walk_tb(origin.__traceback__)
        ][-20:],
    }
    sqlstate = cast("str | None", getattr(origin, "sqlstate", None))
    if sqlstate is not None:
        found["sqlstate"] = sqlstate
    return found
