"""A GraphQL request as it arrives: JSON read with care, its parts checked by type."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn, cast

import orjson
from multidict import MultiMapping

from graphql_schema.core.values import check_text, check_variables
from models.errors import BadRequest, Invalid

DOCUMENT_IDS = ("documentId", "doc_id")
"""Parameters that name a document: the GraphQL-over-HTTP draft's and Relay's."""


@dataclass(frozen=True, slots=True)
class GraphQLRequest:
    """The parameters of a request; values are JSON that PostgreSQL can hold.

    `query` is empty where the document is only named, by `document_id`.
    """

    query: str
    operation_name: str | None
    variables: dict[str, Any]
    extensions: dict[str, Any]
    document_id: str | None = None

    @property
    def wants_cost(self) -> bool:
        """Whether the client asked for the operation's cost: `"extensions": {"cost": true}`."""
        return self.extensions.get("cost") is True

    @property
    def wants_plan(self) -> bool:
        """Whether the client asked for the operation's plan: `"extensions": {"plan": true}`."""
        return self.extensions.get("plan") is True


def read_json(data: bytes | str) -> Any:
    """Decode JSON in UTF-8; raises BadRequest.

    orjson refuses NaN, byte order marks, other encodings, endless digits and deep nesting.
    Lone surrogates, which browsers can send, are let through for check_value to name.
    """
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError:
        if has_surrogate_escape(data):
            return read_json_with_surrogates(data)
    raise BadRequest("The request is not valid JSON in UTF-8.")


def has_surrogate_escape(data: bytes | str) -> bool:
    """Whether there may be half a surrogate pair in the text."""
    return b"\\ud" in data.lower() if isinstance(data, bytes) else "\\ud" in data.lower()


def read_json_with_surrogates(data: bytes | str) -> Any:
    """Decode with the standard library, as strict otherwise; raises BadRequest."""
    try:
        text = data.decode() if isinstance(data, bytes) else data
        return json.loads(text, parse_constant=refuse_constant)
    except (ValueError, RecursionError) as error:
        raise BadRequest("The request is not valid JSON in UTF-8.") from error


def refuse_constant(name: str) -> NoReturn:
    """NaN and the infinities are not JSON."""
    raise ValueError(name)


def request_from_json(payload: object) -> GraphQLRequest:
    """The request in a decoded body; raises BadRequest, or Invalid for values none can hold."""
    if isinstance(payload, list):
        raise BadRequest("Batches are not supported; send one operation per request.")
    if not isinstance(payload, dict):
        raise BadRequest("The request must be a JSON object.")
    return request_from(cast("dict[str, object]", payload))


def request_from_query(parameters: MultiMapping[str]) -> GraphQLRequest:
    """The request in a URL; `variables` and `extensions` are JSON. Raises as above."""
    found: dict[str, object] = {}
    for name in ("query", "operationName", "variables", "extensions", *DOCUMENT_IDS):
        values = parameters.getall(name, [])
        if len(values) > 1:
            raise BadRequest(f"'{name}' must be given once.")
        if values and values[0]:
            found[name] = read_json(values[0]) if name[0] in "ve" else values[0]
    return request_from(found)


def request_from(parameters: Mapping[str, object]) -> GraphQLRequest:
    """Check the type of each parameter; unknown ones are ignored."""
    extensions = mapping(parameters, "extensions")
    document_id = named_document(parameters, extensions)
    query = string(parameters, "query")
    if query is None and document_id is None:
        raise BadRequest("'query' must be a string.", field="query")
    name = string(parameters, "operationName")
    variables = mapping(parameters, "variables")
    if variables:
        check_variables(variables)
    return GraphQLRequest(query or "", name or None, variables, extensions, document_id)


def named_document(parameters: Mapping[str, object], extensions: Mapping[str, Any]) -> str | None:
    """What a request calls its document, in any of the usual places; raises as above."""
    given = [string(parameters, name) for name in DOCUMENT_IDS]
    found = {id for id in (*given, persisted_query(extensions)) if id}
    if len(found) > 1:
        raise BadRequest("The request names two documents.", field="documentId")
    return found.pop() if found else None


def persisted_query(extensions: Mapping[str, Any]) -> str | None:
    """The hash of Apollo's automatic persisted queries."""
    given = mapping(extensions, "persistedQuery")
    if not given:
        return None
    if given.get("version") != 1:
        # Not a BadRequest, for which a WebSocket would be closed.
        raise Invalid("Unsupported persisted query version", field="persistedQuery.version")
    digest = string(given, "sha256Hash")
    if not digest:
        raise BadRequest("'sha256Hash' must be a string.", field="sha256Hash")
    return digest


def string(parameters: Mapping[str, object], name: str) -> str | None:
    """An optional string among the parameters."""
    value = parameters.get(name)
    if value is None:
        return None
    if not isinstance(value, str):
        raise BadRequest(f"'{name}' must be a string.", field=name)
    check_text(value)
    return value


def mapping(parameters: Mapping[str, object], name: str) -> dict[str, Any]:
    """An optional object among the parameters."""
    value = parameters.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise BadRequest(f"'{name}' must be an object.", field=name)
    return cast("dict[str, Any]", value)
