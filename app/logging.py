"""Structured logs: one line per event, without texts of messages and without secrets."""

from __future__ import annotations

import logging
import sys
from datetime import UTC, datetime
from typing import Any

import orjson
import structlog

from app.config import Settings
from graphql_schema.core.errors import described

LONGEST = 200
"""Characters of a library's message that are kept."""


def configure_logs(settings: Settings) -> None:
    """Log to standard error, as JSON or for people."""
    level = getattr(logging, settings.log_level.upper())
    renderers: list[Any] = [structlog.dev.ConsoleRenderer()]
    if settings.log_format == "json":
        renderers = [structlog.processors.JSONRenderer()]
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _without_messages,
            *renderers,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(LibraryFormatter())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)


def _without_messages(_logger: Any, _method: str, event: Any) -> Any:
    """An exception's types and places; its message and locals may hold what users wrote."""
    given = event.pop("exc_info", None)
    error = sys.exc_info()[1] if given is True else given
    return event | described(error) if isinstance(error, BaseException) else event


class LibraryFormatter(logging.Formatter):
    """What libraries log, as one JSON line: the first line of the message, and no exception's."""

    def format(self, record: logging.LogRecord) -> str:
        """One line."""
        lines = record.getMessage().splitlines() or [""]
        found: dict[str, Any] = {
            "event": lines[0][:LONGEST],
            "logger": record.name,
            "level": record.levelname.lower(),
            "timestamp": datetime.fromtimestamp(record.created, UTC).isoformat(),
        }
        if record.exc_info and record.exc_info[0]:
            found["raised"] = record.exc_info[0].__qualname__
        return orjson.dumps(found).decode()
