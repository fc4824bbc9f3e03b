"""Values as a snapshot writes them: JSON, and objects of one `$` key for what JSON has not."""

from __future__ import annotations

import base64
import binascii
import math
import struct
from collections.abc import Callable
from typing import Any, cast

from models.storable import storable_json

_ENCODED, _NUL = b'"$', b"\\u0000"


def plain(value: Any, line: bytes) -> Any:
    """A value of `line` with its encoded numbers as numbers, and without what can't be stored.

    NUL becomes U+FFFD. Bytes and the numbers JSON has not (NaN, infinities, -0) stay encoded.
    Raises ValueError for a malformed encoding.
    """
    if _ENCODED in line:
        value = _decoded(value)
    return storable_json(value) if _NUL in line else value


def _decoded(value: Any) -> Any:
    if isinstance(value, list):
        return [_decoded(item) for item in cast("list[Any]", value)]
    if not isinstance(value, dict):
        return value
    fields = cast("dict[str, Any]", value)
    if len(fields) == 1:
        ((name, encoded),) = fields.items()
        if name in _DECODERS:
            return _DECODERS[name](encoded)
    return {name: _decoded(item) for name, item in fields.items()}


def _bytes(encoded: Any, length: int | None = None) -> bytes:
    try:
        found = base64.b64decode(encoded, validate=True)
    except (TypeError, binascii.Error) as error:
        raise ValueError("not base64") from error
    if length is not None and len(found) != length:
        raise ValueError(f"not {length} bytes in base64")
    return found


def _integer(encoded: Any) -> int:
    return int.from_bytes(_bytes(encoded, 8), "little", signed=True)


def _float(encoded: Any) -> Any:
    (number,) = struct.unpack("<d", _bytes(encoded, 8))
    return number if math.isfinite(number) else {"$float": encoded}


def _kept(encoded: Any) -> Any:
    _bytes(encoded)
    return {"$bytes": encoded}


_DECODERS: dict[str, Callable[[Any], Any]] = {
    "$integer": _integer,
    "$float": _float,
    "$bytes": _kept,
}
