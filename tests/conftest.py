"""What every test may ask for."""

import os

import pytest

pytest_plugins = ["tests.harness.postgres", "tests.harness.api"]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """One worker more than there are processors, since many tests wait for a timer or a kill."""
    return (os.cpu_count() or 1) + 1
