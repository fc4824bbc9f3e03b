"""What ends an import, in words for the user."""

from __future__ import annotations


class ImportFailed(Exception):
    """It can't be done; `retryable` where another try may help. The message is for the user."""

    def __init__(self, message: str, *, retryable: bool = False) -> None:
        super().__init__(message)
        self.message = message
        self.retryable = retryable
