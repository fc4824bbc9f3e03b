# Everything a newcomer needs: `make run`, `make test`, `make help`.

PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
PIP := $(PY) -m pip --disable-pip-version-check --quiet

.DEFAULT_GOAL := help
.PHONY: help run worker test fuzz attack test-clients test-browser bench check hooks format schema migrations docs lock clean

help: ## Show what there is to make
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1\t\2/p' $(MAKEFILE_LIST) | expand -t 16

$(VENV)/made:
	@$(PYTHON) -c 'import sys; sys.exit("Punnet needs Python 3.11 or newer.") if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/runs: $(VENV)/made requirements.lock pyproject.toml
	$(PIP) install --require-hashes -r requirements.lock
	$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/tests: $(VENV)/runs requirements-dev.lock
	$(PIP) install --require-hashes -r requirements-dev.lock
	@touch $@

run: $(VENV)/runs ## Start Punnet with demo data on http://127.0.0.1:8000 (PUNNET_PORT)
	@PUNNET_DEV=true PUNNET_LOG_FORMAT=console $(PY) -m app serve --demo

worker: $(VENV)/runs ## Run one more worker beside `make run`
	@PUNNET_DEV=true PUNNET_LOG_FORMAT=console $(PY) -m app worker

test: $(VENV)/tests ## Run the test suite on a PostgreSQL of its own
	$(PY) -m pytest -q -n auto

fuzz: $(VENV)/tests ## Ask 50,000 random queries by plans and by graphql-core (FUZZ_SEED: others)
	FUZZ_ROUNDS=100 $(PY) -m pytest -q -n auto tests/plans/test_random.py

attack: $(VENV)/tests ## Guess 10,000 passwords, and try 600 histories of an organisation
	FUZZ_ROUNDS=10 $(PY) -m pytest -q tests/accounts/test_guessing.py tests/accounts/test_org_machine.py

test-browser: $(VENV)/tests requirements-browser.lock ## Run GraphiQL and the chat in chromium (Debian's package)
	$(PIP) install --require-hashes -r requirements-browser.lock
	@command -v chromium > /dev/null || { echo "Install Debian's package chromium first."; exit 1; }
	$(PY) -m pytest -q tests/browser

tests/clients/node_modules/.package-lock.json: tests/clients/package-lock.json
	npm ci --prefix tests/clients --no-audit --no-fund

test-clients: $(VENV)/runs tests/clients/node_modules/.package-lock.json ## Run urql, Apollo, graphql-ws, Relay and codegen (npm)
	PYTHON=$(PY) node tests/clients/run.mjs

bench: $(VENV)/runs ## Measure beside hand-written SQL, eight minutes (BENCH=--quick: seconds)
	$(PY) -m bench $(BENCH)

check: $(VENV)/tests ## Lint, format, types, import rules, container files, breaking changes
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/pyright
	$(VENV)/bin/lint-imports
	$(VENV)/bin/hadolint Dockerfile
	$(VENV)/bin/check-jsonschema --builtin-schema vendor.compose-spec compose.yaml
	$(PY) .ci/breaking_changes.py

hooks: $(VENV)/tests ## Have git run the checks before each commit
	$(VENV)/bin/pre-commit install

format: $(VENV)/tests ## Format the code
	$(VENV)/bin/ruff check --fix --quiet .
	$(VENV)/bin/ruff format --quiet .

schema: $(VENV)/runs ## Write schema.graphql
	$(PY) -m app schema --output schema.graphql

migrations: $(VENV)/runs ## Write migrations for what changed in the models
	rm -rf .punnet/scratch
	env -u PUNNET_DATABASE_URL PUNNET_DATA_DIR=.punnet/scratch $(PY) -m app makemigrations

docs: $(VENV)/runs ## Write docs/configuration.md and docs/permissions.md
	$(PY) -m app configuration --output docs/configuration.md
	$(PY) -m app permissions --output docs/permissions.md

lock: ## Pin the newest versions of all dependencies (needs uv)
	uv pip compile pyproject.toml --group build $(LOCK) -o requirements.lock
	uv pip compile pyproject.toml --group build --group dev $(LOCK) -o requirements-dev.lock
	uv pip compile pyproject.toml --group build --group dev --group browser $(LOCK) -o requirements-browser.lock

LOCK := --universal --generate-hashes --python-version 3.11 --no-header --quiet

clean: ## Remove the environment and the embedded database
	rm -rf $(VENV) .punnet tests/clients/node_modules
