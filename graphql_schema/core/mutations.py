"""Mutations: one input, one payload, a signed-in viewer unless marked public."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from enum import Enum
from functools import wraps
from typing import Any, TypeVar, cast

import strawberry
from strawberry.types.unset import UNSET

from graphql_schema.core.context import Context, context_of
from models import idempotency
from models.errors import Invalid
from models.permissions import Permission
from models.verbs import Actor

T = TypeVar("T")

COST = 10
KEY_LIMIT = 200


def given(description: str, **default: Any) -> Any:
    """A field of an input, required unless it has a `default` or a `default_factory`."""
    return strawberry.field(description=description, **default)


def optional(description: str) -> Any:
    """A field of an input that may be left out; left out differs from null."""
    return given(description, default=UNSET)


def key_field() -> Any:
    """The idempotency key that every input which inserts rows takes."""
    return given(
        "Any text of your own, at most 200 characters; a repeated call with it happens once.",
        default=None,
    )


def into(model: type[T], given_input: Any, **more: Any) -> T:
    """A frozen value of the models from the fields of an input that were given."""
    values = chosen(given_input, *(f.name for f in dataclasses.fields(cast("Any", model))))
    return model(**values, **more)


def chosen(given_input: Any, *names: str) -> dict[str, Any]:
    """The named fields of an input that it has and that were given."""
    found = {name: getattr(given_input, name, UNSET) for name in names}
    return {name: value for name, value in found.items() if value is not UNSET}


def acting(info: strawberry.Info, given_input: Any) -> Actor:
    """The viewer as actor, who acts once for the input's idempotency key, if it has one."""
    context = context_of(info)
    return context.actor(_once(context, given_input))


def _once(context: Context, given_input: Any) -> idempotency.Once | None:
    key: str | None = getattr(given_input, "idempotency_key", None)
    if key is None:
        return None
    if not 1 <= len(key) <= KEY_LIMIT or not key.isprintable():
        raise Invalid(f"From 1 to {KEY_LIMIT} printable characters.", field="idempotencyKey")
    payload = _plain(given_input)
    del payload["idempotency_key"]
    sign = context.ports.signer.signing("idempotency")
    return idempotency.once(type(given_input).__name__, key, payload, sign)


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value):
        names = [f.name for f in dataclasses.fields(value)]
        return {n: _plain(v) for n, v in chosen(value, *names).items()}
    if isinstance(value, list):
        return [_plain(item) for item in cast("list[Any]", value)]
    return value.value if isinstance(value, Enum) else value


def mutation(
    description: str, *, needs: Permission = Permission.WRITE, public: bool = False
) -> Callable[[Callable[..., Any]], Any]:
    """A mutation of `(self, info, input)`; `public` ones serve viewers who are signed out too.

    `needs` is what its verb needs, which the description tells; see models.verbs.
    """
    told = "Open to everybody." if public else f"Needs {needs}."

    def wrap(resolve: Callable[..., Any]) -> Any:
        @wraps(resolve)
        async def checked(*args: Any, **options: Any) -> Any:
            info: Any = options["info"]
            context = context_of(info)

            async def act() -> Any:
                if not public:
                    _ = context.viewer.id
                context.forget()
                return await resolve(*args, **options)

            return await context.once(info.path.key, act)

        return strawberry.mutation(
            resolver=checked,
            description=f"{description} {told}",
            metadata={"cost": COST, "public": public, "needs": None if public else needs},
        )

    return wrap
