"""What ends a try of an import, in words for the user."""

from __future__ import annotations

from collections.abc import Mapping

FIRST_PAUSE = 5.0  # seconds before the second try; doubles with each
LONGEST_PAUSE = 300.0


class ImportFailed(Exception):
    """It can't be done; `retryable` where another try may help. The message is for the user.

    `retry_after` is in seconds, where the source said so.
    """

    def __init__(
        self, message: str, *, retryable: bool = False, retry_after: float | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.retryable = retryable
        self.retry_after = retry_after

    def pause(self, tries: int) -> float | None:
        """Seconds before the next try, after so many; None when none would help."""
        if not self.retryable:
            return None
        wait = FIRST_PAUSE * 2 ** (tries - 1) if self.retry_after is None else self.retry_after
        return min(wait, LONGEST_PAUSE)


def refuse(status: int, headers: Mapping[str, str], name: str, missing: str) -> None:
    """Tell why `name` answered with a status other than 200; `missing` of what is not there.

    Raises ImportFailed.
    """
    if status == 200:
        return
    waits = headers.get("Retry-After", "")
    wait = float(waits) if waits.isascii() and waits.isdigit() else None
    exhausted = headers.get("X-RateLimit-Remaining") == "0"
    if status == 429 or (status == 403 and (wait is not None or exhausted)):
        message = f"{name} takes no more requests for this account just now."
        raise ImportFailed(message, retryable=True, retry_after=wait)
    if status == 401:
        raise ImportFailed(f"{name} does not accept the connection any more; connect it again.")
    if status in (403, 404, 410, 451):
        raise ImportFailed(missing)
    raise ImportFailed(f"{name} does not answer as it should.", retryable=True, retry_after=wait)
