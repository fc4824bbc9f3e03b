"""What is told of operations, and to whom. Variables are told to nobody."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from app.tally import Tally

if TYPE_CHECKING:
    from graphql import DocumentNode

    from graphql_schema.core.persisted import Outcome


@dataclass(frozen=True, slots=True)
class Finished:
    """An operation that is over.

    `kind` is query, mutation, subscription or refused; `codes` are those of its errors. A refused
    one has no document, and its viewer is not known. The seconds of a subscription are how long
    it was open; those of a query or mutation begin when its viewer is known.
    """

    kind: str
    name: str | None
    seconds: float
    codes: list[str]
    viewer: str = "unknown"
    document: DocumentNode | None = None
    tally: Tally = field(default_factory=Tally)

    @property
    def answered(self) -> bool:
        """Whether it is one whose duration says how fast it was: a query or a mutation."""
        return self.kind in {"query", "mutation"}


class Observer:
    """Hears of operations; here it does nothing. Must not block and must not raise."""

    def subscription_started(self, name: str | None) -> None:
        """A subscription was admitted."""

    def operation_finished(self, done: Finished) -> None:
        """An operation ended or was refused."""

    def document_named(self, outcome: Outcome) -> None:
        """A request named its document, or wanted another than the trusted ones."""


class Observers(Observer):
    """Tells several."""

    def __init__(self, *observers: Observer) -> None:
        self._observers = observers

    def subscription_started(self, name: str | None) -> None:
        for observer in self._observers:
            observer.subscription_started(name)

    def operation_finished(self, done: Finished) -> None:
        for observer in self._observers:
            observer.operation_finished(done)

    def document_named(self, outcome: Outcome) -> None:
        for observer in self._observers:
            observer.document_named(outcome)
