# flowdeck: `make serve` runs the product, `make test` proves it. `make help` lists the rest.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
export npm_config_omit_lockfile_registry_resolved := true
export REFLEX_TELEMETRY_ENABLED := false

.PHONY: help
help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

# ---- set-up: each step leaves a stamp, so that a second start does nothing ------------------------------------

$(VENV)/bin/python:
	@scripts/system-packages serve $(PYTHON)
	@echo "[1/4] making the Python environment in $(VENV)"
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.serve: requirements/serve.lock pyproject.toml | $(VENV)/bin/python
	@echo "[2/4] installing locked Python packages (wheels only)"
	@$(PIP) install --quiet --progress-bar on --only-binary :all: --require-hashes -r requirements/serve.lock
	@FLOWDECK_SKIP_FRONTEND=1 $(PIP) install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev: requirements/dev.lock $(VENV)/.serve
	@echo "installing locked test packages (wheels only)"
	@$(PIP) install --quiet --progress-bar on --only-binary :all: --require-hashes -r requirements/dev.lock
	@touch $@

.PHONY: console
console: $(VENV)/.serve ## build the console when its sources changed
	@$(BIN)/python scripts/build_console.py

.PHONY: serve
serve: $(VENV)/.serve console ## set up what is missing, build, start on http://localhost:8080
	@exec $(BIN)/flowdeck server standalone

# ---- proof ------------------------------------------------------------------------------------------------------

.PHONY: test-packages
test-packages:
	@scripts/system-packages test $(PYTHON)

.PHONY: test
test: $(VENV)/.dev test-packages console ## unit, contracts on both databases, real processes, faults, one browser pass
	$(BIN)/python -m pytest -q -n 2 --dist loadfile tests/unit tests/properties tests/contracts
	scripts/pytest-again $(BIN)/python -q -n 3 --dist loadfile tests/faults tests/integration tests/conformance
	scripts/pytest-again $(BIN)/python -q -n 2 --dist loadfile tests/e2e

.PHONY: test-all
test-all: $(VENV)/.dev test-packages console ## everything: both databases, both themes, all widths, long faults
	FLOWDECK_TEST_LEVEL=all $(BIN)/python -m pytest -q -n 2 --dist loadfile tests/unit tests/properties tests/contracts
	FLOWDECK_TEST_LEVEL=all $(BIN)/python -m pytest -q tests/integration tests/conformance tests/faults tests/e2e
	FLOWDECK_TEST_DATABASE=postgres $(BIN)/python -m pytest -q -n 2 --dist loadfile tests/integration tests/conformance

.PHONY: check
check: $(VENV)/.dev ## formatter, linter, types, import directions, lock files
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/basedpyright --level error
	$(BIN)/lint-imports
	scripts/check-locks

.PHONY: wheel
wheel: $(VENV)/.dev console ## build dist/*.whl with the console inside
	FLOWDECK_REQUIRE_CONSOLE=1 $(BIN)/python -m build --wheel --no-isolation --outdir dist .

.PHONY: test-wheel
test-wheel: wheel test-packages ## install the wheel in a clean environment and run the browser tests against it
	scripts/test-wheel

.PHONY: crash
crash: $(VENV)/.dev ## crash harness: real kills at random points (SECONDS=600 SEED=1)
	$(BIN)/python -m tests.faults.crash --seconds $${SECONDS_:-600} --seed $${SEED:-1}

.PHONY: bare
bare: ## the README's two commands in a minimal Debian chroot (root)
	scripts/bare

# ---- work -------------------------------------------------------------------------------------------------------

.PHONY: dev
dev: $(VENV)/.dev ## API on 8080, console with hot reload on 3000
	scripts/dev

.PHONY: seed
seed: $(VENV)/.serve ## fill a running instance with flows and executions to look at
	$(BIN)/python scripts/seed.py

INSTANCE ?= build/instance

.PHONY: instance
instance: $(VENV)/.dev ## a home with a year's work: 10,000 flows, 1 M executions, 20 M log lines (INSTANCE=folder)
	$(BIN)/python -m benchmarks.instance $(INSTANCE)

.PHONY: bench
bench: $(VENV)/.dev test-packages ## engine against its references in one run, on both databases
	$(BIN)/python -m benchmarks.run
	$(BIN)/python -m benchmarks.run --postgres
	$(BIN)/python -m benchmarks.reference_flows
	FLOWDECK_TEST_DATABASE=postgres FLOWDECK_TEST_POSTGRES_FLUSH=true $(BIN)/python -m benchmarks.reference_flows
	$(BIN)/python -m benchmarks.schedules
	$(BIN)/python -m benchmarks.lists
	$(BIN)/python -m benchmarks.api $(INSTANCE)
	$(BIN)/python -m benchmarks.followers

.PHONY: bench-ui
bench-ui: $(VENV)/.dev test-packages console ## the console's budgets in Chromium
	$(BIN)/python -m benchmarks.console
	$(BIN)/python -m benchmarks.console_large $(INSTANCE)
	$(BIN)/python -m benchmarks.consoles

.PHONY: bench-home
bench-home: $(VENV)/.dev test-packages console ## the home page over ten million executions: builds them for half an hour, 16 GB
	$(BIN)/python -m benchmarks.instance $(INSTANCE)-large --executions 10000000 --lines 1000
	$(BIN)/python -m benchmarks.home $(INSTANCE)-large

.PHONY: lock
lock: $(VENV)/.dev ## renew the lock files from pyproject.toml
	$(BIN)/uv pip compile -q pyproject.toml --group build --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header -o requirements/serve.lock
	$(BIN)/uv pip compile -q pyproject.toml --group build --group dev --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header -o requirements/dev.lock

.PHONY: format
format: $(VENV)/.dev ## write the formatter's and linter's changes
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

.PHONY: clean
clean: ## remove what make made (not your data)
	rm -rf $(VENV) .web dist build assets/external .pytest_cache .ruff_cache
