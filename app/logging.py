"""Structured logs: one line per event, without texts of messages and without secrets."""

from __future__ import annotations

import logging
import sys
from typing import Any

import structlog

from app.config import Settings


def configure_logs(settings: Settings) -> None:
    """Log to standard error, as JSON or for people."""
    level = getattr(logging, settings.log_level.upper())
    renderers: list[Any] = [structlog.dev.ConsoleRenderer()]
    if settings.log_format == "json":
        renderers = [structlog.processors.dict_tracebacks, structlog.processors.JSONRenderer()]
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            *renderers,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
