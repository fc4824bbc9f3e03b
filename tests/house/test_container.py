"""The Dockerfile and the compose file fit this repository; no Docker engine was there to try them.

`make check` lints both. Here is what a linter can't know: that what they name exists.
"""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from app.__main__ import command
from app.auth import load_secret
from app.config import Settings
from app.server import build

ROOT = Path(__file__).parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
SERVICES: dict[str, Any] = COMPOSE["services"]
OURS = {name: one for name, one in SERVICES.items() if "build" in one}
COMMANDS = typer.main.get_command(command).commands  # type: ignore[attr-defined]
GIVEN = {"PUNNET_SECRET": "x" * 32, "POSTGRES_PASSWORD": "sweet"}
"""What whoever starts it must set."""


def instructions() -> list[tuple[str, str]]:
    """Name and argument of each instruction, lines joined."""
    text = re.sub(r"^#.*\n", "", (ROOT / "Dockerfile").read_text(), flags=re.M)
    joined = text.replace("\\\n", " ").splitlines()
    return [
        (name, rest.strip()) for name, _, rest in (line.partition(" ") for line in joined) if name
    ]


def final_stage() -> dict[str, str]:
    """The last instruction of each name in the stage that is shipped."""
    told = instructions()
    start = max(place for place, (name, _) in enumerate(told) if name == "FROM")
    return dict(told[start:])


def environment(text: str) -> dict[str, str]:
    return dict(pair.split("=", 1) for pair in text.split())


def test_the_shipped_stage_runs_our_command_as_nobody_in_particular() -> None:
    stage = final_stage()
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
    assert json.loads(stage["ENTRYPOINT"])[0] in scripts
    assert json.loads(stage["CMD"])[0] in COMMANDS
    user, group = stage["USER"].split(":")
    assert int(user) > 0 < int(group)


def test_the_shipped_stage_listens_where_it_says() -> None:
    stage = final_stage()
    settings = {k: v for k, v in environment(stage["ENV"]).items() if k.startswith("PUNNET_")}
    assert settings["PUNNET_HOST"] == "0.0.0.0"  # noqa: S104 - a container's own address
    assert settings["PUNNET_PORT"] == stage["EXPOSE"]
    assert {
        name.removeprefix("PUNNET_").lower() for name in settings
    } <= Settings.model_fields.keys()


def test_the_health_check_asks_a_route_that_is_there(tmp_path: Path) -> None:
    check = final_stage()["HEALTHCHECK"]
    address = re.search(r"http://127\.0\.0\.1:(\d+)(/\w+)", check)
    assert address
    assert address[1] == final_stage()["EXPOSE"]
    app = build(Settings(data_dir=tmp_path, dev=True), "postgresql://localhost/none")
    assert address[2] in {
        route.resource.canonical for route in app.router.routes() if route.resource
    }


def test_what_is_copied_exists_and_is_let_in() -> None:
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    let_in = {line.removeprefix("!") for line in ignored if line.startswith("!")}
    copied = {
        source
        for name, rest in instructions()
        if name == "COPY" and not rest.startswith("--from")
        for source in rest.split()[:-1]
    }
    assert copied == let_in
    assert [name for name in copied if not (ROOT / name).exists()] == []
    packages = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    assert set(packages["root_packages"]) <= copied


def test_dependencies_are_those_that_are_pinned() -> None:
    installs = [rest for name, rest in instructions() if name == "RUN" and "pip install" in rest]
    assert "--require-hashes --requirement requirements.lock" in installs[0]
    assert "--no-deps --no-build-isolation ." in installs[1]


def filled(value: Any) -> str:
    """A value with its variables as compose would fill them in."""
    return re.sub(r"\$\{(\w+)(?::[?-][^}]*)?\}", lambda found: GIVEN[found[1]], str(value))


@pytest.mark.parametrize("name", OURS)
def test_our_services_are_set_up_as_settings_want_it(name: str) -> None:
    told = OURS[name]["environment"]
    known = {f"PUNNET_{field.upper()}" for field in Settings.model_fields}
    assert told.keys() <= known
    values = {
        k.removeprefix("PUNNET_").lower(): filled(v) for k, v in told.items() if v is not None
    }
    settings = Settings(**values)  # type: ignore[arg-type]
    assert load_secret(settings) == b"x" * 32
    database = SERVICES["database"]["environment"]
    user, word, base = (filled(database[f"POSTGRES_{key}"]) for key in ("USER", "PASSWORD", "DB"))
    assert settings.database_url
    assert (
        settings.database_url.get_secret_value()
        == f"postgresql://{user}:{word}@database:5432/{base}"
    )
    assert not settings.dev


def test_there_are_two_servers_and_a_worker_after_the_migration() -> None:
    runs = {name: one.get("command", ["serve"]) for name, one in OURS.items()}
    assert runs == {
        "migrate": ["migrate"], "serve-1": ["serve"], "serve-2": ["serve"], "worker": ["worker"]
    }  # fmt: skip
    assert all(command[0] in COMMANDS for command in runs.values())
    assert SERVICES["migrate"]["depends_on"] == {"database": {"condition": "service_healthy"}}
    after = {"migrate": {"condition": "service_completed_successfully"}}
    assert all(OURS[name]["depends_on"] == after for name in runs if name != "migrate")
    assert OURS["serve-1"]["environment"]["PUNNET_WORKER"] == "false"


def test_only_the_servers_are_reached_and_only_from_this_machine() -> None:
    ports = {name: one["ports"] for name, one in SERVICES.items() if "ports" in one}
    assert ports == {"serve-1": ["127.0.0.1:8001:8000"], "serve-2": ["127.0.0.1:8002:8000"]}
    # Without a server inside, the image's own check would never pass.
    deaf = {name for name, one in OURS.items() if one.get("healthcheck") == {"disable": True}}
    assert deaf == {"migrate", "worker"}


def test_the_image_has_the_version_of_the_project() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert {one["image"] for one in OURS.values()} == {f"punnet:{version}"}
    assert "pgvector" in SERVICES["database"]["image"]
