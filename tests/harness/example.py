"""The schema of `example.graphql`, for tests that need no server."""

from functools import cache
from pathlib import Path

from graphql import GraphQLSchema, build_schema


@cache
def example_schema() -> GraphQLSchema:
    """One instance for all tests; nobody may change it."""
    return build_schema(Path(__file__).with_name("example.graphql").read_text())
