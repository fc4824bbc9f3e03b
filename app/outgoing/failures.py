"""Why a request did not succeed: for the log and for callers, never for the client."""

from __future__ import annotations

from enum import StrEnum

from models.errors import Unavailable


class Failure(StrEnum):
    """What went wrong."""

    ADDRESS = "ADDRESS"
    """No address that may be asked."""
    GARBLED = "GARBLED"
    """No HTTP, or not what was asked for."""
    REDIRECTED = "REDIRECTED"
    """Too often, or to where nobody should follow."""
    SLOW = "SLOW"
    TOO_LARGE = "TOO_LARGE"
    UNREACHABLE = "UNREACHABLE"


LASTING = frozenset({Failure.ADDRESS, Failure.REDIRECTED, Failure.TOO_LARGE})


class OutgoingFailed(Unavailable):
    """The other side cannot be reached, or answers as nobody should.

    The message is always the same: it must not tell who exists in this network.
    """

    def __init__(self, failure: Failure) -> None:
        super().__init__("The other side does not answer as it should.", retry_after=5)
        self.failure = failure

    @property
    def lasting(self) -> bool:
        """Whether trying again soon is of no use."""
        return self.failure in LASTING


class AddressRefused(OSError):
    """A connection that must not be made; aiohttp lets only OSError through as it is."""
