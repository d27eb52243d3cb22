# Two commands: `make refresh` builds the warehouse from the bundled filings, `make test` runs all tests.
# Everything else is a convenience. Needs Python 3.11 or newer and a package index.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
export TOKENCHAIN_HOME ?= $(CURDIR)/data

.PHONY: help refresh test quick check ui bench status lock clean

help: ## List the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

$(VENV)/.installed: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Python 3.11 or newer is needed; set PYTHON=")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

refresh: $(VENV)/.installed ## Build and publish the warehouse (SOURCE=bundled|DIR|ZIP)
	@$(BIN)/tokenchain refresh $(if $(SOURCE),--source $(SOURCE))

test: $(VENV)/.installed ## Run all tests
	@$(BIN)/python -m pytest

quick: $(VENV)/.installed ## Run all tests but the long ones (kills, readers during refreshes, mutated responses)
	@$(BIN)/python -m pytest -m "not long"

check: $(VENV)/.installed ## Lint and check types
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

ui: $(VENV)/.installed ## Start Dagster's UI on the loopback address
	@$(BIN)/tokenchain ui

status: $(VENV)/.installed ## Tell what is published and how fresh it is
	@$(BIN)/tokenchain status

bench: $(VENV)/.installed ## Measure speed and memory, as ratios in one run
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check edgartools orjson
	@$(BIN)/python -m bench

lock: $(VENV)/.installed ## Write requirements.lock anew from pyproject.toml
	@$(PYTHON) -m venv $(VENV).lock
	@$(VENV).lock/bin/python -m pip install --quiet --disable-pip-version-check setuptools wheel '.[dev]'
	@$(VENV).lock/bin/python -m pip freeze --all --exclude tokenchain --exclude pip > requirements.lock
	@rm -rf $(VENV).lock

clean: ## Remove the environment and everything written
	@rm -rf $(VENV) data
