"""The messages of graphql-transport-ws, read and written."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias, cast

import orjson
from multidict import CIMultiDict

from app.payload import read_json
from graphql_schema.core.values import check_value
from models.errors import DomainError, ErrorCode, Unauthenticated

PROTOCOL: Final = "graphql-transport-ws"

CLOSE_CODES: Mapping[str, int] = {
    ErrorCode.UNAVAILABLE: 1013,
    ErrorCode.TIMEOUT: 1013,
    ErrorCode.RATE_LIMITED: 1013,
    ErrorCode.INTERNAL: 1011,
}
"""The codes of reasons other than who it is."""

MAX_ID = 256
"""Characters of an operation's id, which comes back with each of its messages."""

NEXT_AFTER: Final = b"}}"

MAX_REASON = 123
"""Bytes of a close frame's reason (RFC 6455, 5.5)."""


class ProtocolViolation(Exception):
    """The socket must be closed with this code."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


@dataclass(frozen=True, slots=True)
class ConnectionInit:
    """The client introduces itself."""

    params: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Ping:
    """Either side asks whether the other is there."""

    payload: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class Pong:
    """The answer to a ping."""


@dataclass(frozen=True, slots=True)
class Subscribe:
    """Run an operation; the payload is a GraphQL request, not checked yet."""

    id: str
    payload: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Complete:
    """The client no longer wants the operation."""

    id: str


Message: TypeAlias = ConnectionInit | Ping | Pong | Subscribe | Complete


def read_message(text: str) -> Message:
    """Decode one message; raises ProtocolViolation 4400."""
    try:
        decoded = read_json(text)
    except DomainError as error:
        raise ProtocolViolation(4400, "Messages must be JSON.") from error
    if not isinstance(decoded, dict):
        raise ProtocolViolation(4400, "Messages must be JSON objects.")
    return understood(cast("dict[str, Any]", decoded))


def understood(message: dict[str, Any]) -> Message:
    """The message by its type; raises ProtocolViolation 4400."""
    match message.get("type"):
        case "connection_init":
            return ConnectionInit(optional_payload(message) or {})
        case "ping":
            return Ping(optional_payload(message))
        case "pong":
            optional_payload(message)
            return Pong()
        case "subscribe":
            return Subscribe(operation_id(message), required_payload(message))
        case "complete":
            return Complete(operation_id(message))
        case _:
            raise ProtocolViolation(4400, "Unknown message type.")


def operation_id(message: Mapping[str, Any]) -> str:
    """The id of an operation; raises ProtocolViolation 4400."""
    found = message.get("id")
    if not isinstance(found, str) or not 0 < len(found) <= MAX_ID:
        raise ProtocolViolation(4400, f"'id' must be a string of 1 to {MAX_ID} characters.")
    return sound(found)


def required_payload(message: Mapping[str, Any]) -> dict[str, Any]:
    """The payload of a subscribe; its values are checked with the request."""
    found = message.get("payload")
    if not isinstance(found, dict):
        raise ProtocolViolation(4400, "'payload' must be an object.")
    return cast("dict[str, Any]", found)


def optional_payload(message: Mapping[str, Any]) -> dict[str, Any] | None:
    """A payload that may be left out; raises ProtocolViolation 4400."""
    if message.get("payload") is None:
        return None
    return sound(required_payload(message))


def sound(value: Any) -> Any:
    """The value, which can be sent back; raises ProtocolViolation 4400."""
    try:
        check_value(value)
    except DomainError as error:
        raise ProtocolViolation(4400, error.message) from error
    return value


def written(kind: str, operation: str | None = None, payload: object = None) -> bytes:
    """Encode one message; bytes as payload are JSON already."""
    message: dict[str, object] = {"type": kind}
    if operation is not None:
        message["id"] = operation
    if payload is not None:
        message["payload"] = orjson.Fragment(payload) if isinstance(payload, bytes) else payload
    return orjson.dumps(message)


def close_code(code: str) -> int:
    """How a socket ends that cannot be let in for an error of this code."""
    return CLOSE_CODES.get(code, 4403)


def next_before(operation: str) -> bytes:
    """What comes before the `data` of a `next` message; NEXT_AFTER comes after it."""
    return b'{"type":"next","id":%b,"payload":{"data":' % orjson.dumps(operation)


def close_reason(text: str) -> bytes:
    """The reason as far as it fits, never half a character."""
    return text.encode()[:MAX_REASON].decode(errors="ignore").encode()


def with_token(headers: Mapping[str, str], params: Mapping[str, Any]) -> CIMultiDict[str]:
    """The headers of the handshake, with the token of connection_init as `Authorization`.

    It is found under `authorization` or `headers.authorization` in any case, with or without
    "Bearer". Raises Unauthenticated when it is no text.
    """
    found = CIMultiDict(headers)
    token = by_name(params, "authorization") or by_name(nested_headers(params), "authorization")
    if not token:
        return found
    if not isinstance(token, str):
        raise Unauthenticated("The token must be a string.")
    scheme, _, rest = token.strip().partition(" ")
    bare = rest.strip() if scheme.lower() == "bearer" else token.strip()
    found["Authorization"] = f"Bearer {bare}"
    return found


def nested_headers(params: Mapping[str, Any]) -> Mapping[str, Any]:
    """What some clients nest under `headers`; empty when that is no object."""
    nested = by_name(params, "headers")
    return cast("dict[str, Any]", nested) if isinstance(nested, dict) else {}


def by_name(params: Mapping[str, Any], name: str) -> Any:
    """The value under the name, whatever its case."""
    return next((value for key, value in params.items() if key.lower() == name), None)
