# mirrorsnap. `make help` lists the targets; README.md explains them.
.DEFAULT_GOAL := help
SHELL := /bin/sh

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
export PYTHONPATH := tests
export PYTHONDONTWRITEBYTECODE := 1
NODECMD := target/nodecmd/release/nodecmd

.PHONY: help setup lock lab lint test test-lab clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup: $(VENV)/.installed $(NODECMD) ## install what the lab and the tests need (pinned, hashed)

$(VENV)/.installed: tests/requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "mirrorsnap needs Python 3.11 or later, this is " + sys.version)'
	@echo "setup: creating $(VENV) (about a minute)"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@

$(NODECMD): $(wildcard tests/lab/nodecmd/src/*.rs) tests/lab/nodecmd/Cargo.toml
	@echo "setup: compiling the simulated nodes' commands (seconds)"
	@RUSTFLAGS="-C target-feature=+crt-static" cargo build --quiet --release --locked --manifest-path tests/lab/nodecmd/Cargo.toml --target-dir target/nodecmd
	@touch $@

lock: $(VENV)/.installed ## resolve tests/requirements.in and infra/requirements.in again
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==0.13.9
	@for d in tests infra; do $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --no-header $$d/requirements.in -o $$d/requirements.txt; done

lab: setup ## run the lab in the foreground; AWS clients find it through target/lab/env (ARGS="--help" for more)
	@$(BIN)/python -m lab --env-file target/lab/env $(ARGS)

lint: setup ## formatter and linters over everything
	@$(BIN)/ruff check tests
	@$(BIN)/ruff format --check tests

test: lint test-lab ## everything that CI runs

test-lab: setup ## the lab's own tests
	@$(BIN)/python -m pytest -q -n 2 --dist loadfile tests

clean: ## remove all that was built
	rm -rf target $(VENV)
