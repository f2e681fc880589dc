# Every target explains itself: `make help`. Each one does the set-up that it needs.

PYTHON ?= python3
BIN := .venv/bin
DEMO_DATA ?= demo-dock
PYTEST_ARGS ?=
BENCH_ARGS ?=
SEEDS ?= 5
FIRST_SEED ?= 0
SERVICES_ARGS ?=
FAULTS_ARGS ?=

# Wheels of the checkout and of sandbox environments: kept inside the checkout unless you keep them elsewhere.
export UV_CACHE_DIR ?= $(CURDIR)/.cache/uv

.DEFAULT_GOAL := help
.PHONY: help setup setup-dev setup-services generate generate-check lint format types contracts test test-all test-peer e2e torture faults bench bench-quick peer-env demo up services lock clean

help: ## Say what each target does
	@awk 'BEGIN {FS = ":.*## "} /^[a-z0-9-]+:.*## / {printf "  %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## Install the project into .venv (quick the second time)
	@$(PYTHON) tools/setup.py

setup-dev: ## The same and what linting, typing and generating need
	@$(PYTHON) tools/setup.py --dev

setup-services: setup-dev ## Get the servers that tests run on: PostgreSQL, NATS, MinIO (the first time: two minutes)
	@$(BIN)/python -m tools.services.install

generate: setup-dev ## Write stubs and reference pages anew
	@$(BIN)/python tools/generate.py

generate-check: setup-dev ## Fail where committed stubs or reference pages are stale
	@$(BIN)/python tools/generate.py --check

lint: setup-dev ## Style and spelling
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/codespell

format: setup-dev ## Let ruff put the sources into shape
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

types: setup-dev ## Check every annotation
	$(BIN)/mypy libs services tools

contracts: setup-dev ## Check who may import whom
	$(BIN)/lint-imports

test: setup-dev setup-services ## Run every test: unit, contract, end to end; what lacks a server is named at the end
	$(BIN)/pytest $(PYTEST_ARGS)

test-all: export CI = true
test-all: lint types contracts generate-check test ## Everything CI runs but the demo: here a missing server is a failure

e2e: setup-dev setup-services ## Run only the tests that cross services
	$(BIN)/pytest tests/e2e $(PYTEST_ARGS)

peer-env: setup-dev ## Install the peer, for benchmarks and test-peer only, into .cache/peer-env (6 GB: it needs torch)
	@$(BIN)/python tools/peer_env.py

test-peer: peer-env ## Run the tests that read our files with the peer, and the peer's with ours
	$(BIN)/pytest tests/peer $(PYTEST_ARGS)

# Every part is run, whatever came of the one before; what failed is named at the end.
PARTS = failed=; part() { echo "== $$*"; nice "$$@" || failed="$$failed [$$*]"; }
PARTS_END = test -z "$$failed" || { echo "failed:$$failed"; exit 1; }

torture: setup-dev ## Kill, load, poison and attack a dock for half an hour; FULL=1 for every seed and size; SEEDS, FIRST_SEED
	@$(PARTS); \
	part $(BIN)/python tools/torture/death.py $(if $(FULL),--full,--seeds $(SEEDS) --first $(FIRST_SEED)); \
	part $(BIN)/python tools/torture/load.py $(if $(FULL),,--quick); \
	part $(BIN)/python tools/torture/poison.py $(if $(FULL),--pairs 40,--pairs 8); \
	part $(BIN)/pytest tests/hostile tests/torture tests/load libs/dock_blob libs/dock_sandbox $(PYTEST_ARGS); \
	$(PARTS_END)

faults: setup-dev setup-services ## The fault matrix on separate services, within an hour; FULL=1 for all of it; FAULTS_ARGS="--minutes 25 --rows 3,9"
	@$(PARTS); \
	part $(BIN)/python tools/torture/faults.py $(if $(FULL),--full) $(FAULTS_ARGS); \
	part $(BIN)/pytest tests/faults/test_object_store.py $(PYTEST_ARGS); \
	$(PARTS_END)

bench: setup-dev setup-services ## Measure everything, side by side with the peer where it can be installed (BENCH_ARGS=--write-docs)
	@$(BIN)/python tools/peer_env.py || echo "bench: the peer could not be installed and is left out"
	$(BIN)/python tools/bench/main.py $(BENCH_ARGS)

bench-quick: setup-dev setup-services ## The same with small sizes, and the peer only where it is there already
	$(BIN)/python tools/bench/main.py --quick $(BENCH_ARGS)

demo: setup ## Fill a dock with real models, then search it as somebody with data would
	$(BIN)/python tools/demo/run.py --data $(DEMO_DATA)

up: setup ## Start a dock in ./dock-data (end with Ctrl-C)
	$(BIN)/dock up --data dock-data

services: setup-dev setup-services ## Start a dock as separate services on PostgreSQL, NATS and MinIO, all in ./dock-services, and watch them
	@$(BIN)/python -m tools.services.up $(SERVICES_ARGS)

lock: setup-dev ## Choose the newest versions that fit and write them to *.lock
	@$(BIN)/python tools/lock.py

clean: ## Remove what was installed, cached or made by the demo
	rm -rf .venv .cache build dist demo-dock bench-results .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find libs services tests tools -type d -name __pycache__ -prune -exec rm -rf {} +
