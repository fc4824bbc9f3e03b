"""What every test may ask for."""

pytest_plugins = ["tests.harness.postgres", "tests.harness.api"]
