"""Snapshot exports of Convex deployments: reading them, and merging them into the database."""

from enum import StrEnum


class AppName(StrEnum):
    """What an app is called on the command line."""

    BUILDER = "builder"
    CHAT = "chat"
