"""What went wrong at an endpoint, in words that tell the end user nothing about it."""

import math
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from models.providing import AnswerError, ProviderError

_RETRYABLE = frozenset({408, 409, 425})
_DENIED = frozenset({401, 402, 403})
_MAX_WAIT = 86_400.0


class BrokenOff(Exception):
    """The answer ended before the model said that it was done."""


def provider_error(error: Exception, now: datetime, *, own_key: bool = False) -> ProviderError:
    """The ProviderError for what the SDK raised; its notes say for the log what it was.

    `own_key` says whether the call was made with a user's own key.

    The SDK's own messages quote the endpoint's, which may hold a part of the key, so they go
    nowhere. Status 408, 409, 425, 429 and 5xx, a connection that failed, broke or timed out and
    an answer that cannot be read are worth another try.
    """
    from openai import APIConnectionError, APIError, APIStatusError, APITimeoutError

    status: int | None = None
    match error:
        case APIStatusError():
            status = error.status_code
            wait = retry_after(error.response.headers.get("retry-after"), now)
            failure = _of_status(status, wait, own_key=own_key)
        case APITimeoutError() | TimeoutError():
            failure = ProviderError("The provider took too long to answer.", retryable=True)
        case APIConnectionError() | BrokenOff():
            failure = ProviderError("The connection to the provider was lost.", retryable=True)
        case APIError():
            # An error within the stream; some endpoints give a status as its code.
            status = int(error.code) if error.code and error.code.isdecimal() else 500
            failure = _of_status(status, None, own_key=own_key)
        case _:
            failure = ProviderError("The provider's answer could not be read.", retryable=True)
    failure.add_note(f"{type(error).__name__}, status {status or 'none'}")
    return failure


def _of_status(status: int, wait: float | None, *, own_key: bool) -> ProviderError:
    if status == 429:
        message = "The provider is busy."
        return ProviderError(message, retryable=True, retry_after=wait, denied=True)
    if status in _RETRYABLE or status >= 500:
        return ProviderError("The provider is out of order.", retryable=True, retry_after=wait)
    if status not in _DENIED:
        return ProviderError("The provider refused the request.", retryable=False)
    if own_key:
        message, code = "The provider did not accept your key.", AnswerError.KEY_REFUSED
    else:
        message, code = "The provider did not accept this server's credentials.", None
    return ProviderError(message, retryable=False, denied=True, code=code)


def retry_after(value: str | None, now: datetime) -> float | None:
    """Seconds that a `Retry-After` asks to wait, 0 to a day; None where it makes no sense."""
    if value is None:
        return None
    try:
        seconds = float(value)
    except ValueError:
        try:
            date = parsedate_to_datetime(value)
        except (ValueError, OverflowError):
            return None
        # A date without a zone (`-0000`) is UTC by the format's rules.
        seconds = (date.replace(tzinfo=date.tzinfo or UTC) - now).total_seconds()
    return min(max(seconds, 0.0), _MAX_WAIT) if math.isfinite(seconds) else None
