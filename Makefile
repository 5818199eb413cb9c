# mirrorsnap. `make help` lists the targets; README.md explains them.
.DEFAULT_GOAL := help
SHELL := /bin/sh

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
export PYTHONPATH := tests
export PYTHONDONTWRITEBYTECODE := 1
NODECMD := target/nodecmd/release/nodecmd
BOOTSTRAP := target/lambda/bootstrap/bootstrap
# host: for the lab, demo and scenarios; arm64 or x86_64: for a deployment (cross-linked by zig against Lambda's glibc)
ARCH ?= host
# Cargo.toml's release profile is measured (docs/functions.md), so cargo-lambda adds nothing of its own to it.
LAMBDA_BUILD := $(BIN)/cargo-lambda lambda build --release --locked --package mirrorsnap --bin bootstrap \
  --output-format binary --disable-optimizations --lambda-dir target/lambda
ARCH_host := --compiler cargo --skip-target-check
ARCH_arm64 := --arm64
ARCH_x86_64 := --x86-64

.PHONY: help setup build demo scenario drawings lock lab lint test test-lab clean

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

build: setup ## build the functions and what is deployed (ARCH=arm64 or x86_64 for AWS; the lab needs this machine's own)
	@test -n "$(ARCH_$(ARCH))" || { echo "build: ARCH is host, arm64 or x86_64, not $(ARCH)" >&2; exit 2; }
	@mkdir -p target/lambda
	@test -f $(BOOTSTRAP) || echo "build: the first build compiles the AWS SDK, 6 to 9 minutes on two cores and up to 8 GB of memory (aws-sdk-ec2); later ones take seconds"
	@PATH="$(CURDIR)/$(BIN):$$PATH" flock target/lambda/.lock sh -c '$(LAMBDA_BUILD) $(ARCH_$(ARCH)) >&2 && $(BIN)/python infra/build.py'

demo: build ## a backup, a restore, its rollback, a restore again, in the lab: live, proved byte by byte; report in target/demo
	@$(BIN)/python -m scenario.demo $(ARGS)

scenario: build ## run one scenario: make scenario FILE=tests/scenarios/plain.yaml (docs/scenarios.md; ARGS="--scale N")
	@test -n "$(FILE)" || { echo "scenario: name one, e.g. make scenario FILE=tests/scenarios/plain.yaml" >&2; exit 2; }
	@$(BIN)/python -m scenario.runner $(ARGS) "$(FILE)"

drawings: $(VENV)/.installed ## draw the state machines anew (docs/statemachines); lint says when they are not current
	@$(BIN)/python infra/draw_statemachines.py

lock: $(VENV)/.installed ## resolve tests/requirements.in and infra/requirements.in again
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==0.13.9
	@for d in tests infra; do $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --no-header $$d/requirements.in -o $$d/requirements.txt; done

lab: setup ## run the lab in the foreground; AWS clients find it through target/lab/env (ARGS="--help" for more)
	@$(BIN)/python -m lab --env-file target/lab/env $(ARGS)

lint: setup ## formatter and linters over everything
	@$(BIN)/ruff check tests infra
	@$(BIN)/ruff format --check tests infra
	@rm -rf target/shellcheck && $(BIN)/python infra/build_documents.py --check target/shellcheck
	@$(BIN)/shellcheck -s sh target/shellcheck/*.sh tests/seed/*.sh
	@$(BIN)/python infra/build.py target/lint/template.json && $(BIN)/cfn-lint -t target/lint/template.json
	@$(BIN)/python tests/lint_statemachines.py target/lint/*.asl.json
	@$(BIN)/python infra/draw_statemachines.py --check
	@cargo fmt --all --check
	@echo "lint: clippy (the first time it reads the AWS SDK: some minutes)"
	@cargo clippy --quiet --locked --workspace --all-targets -- -D warnings

test: lint test-rust build test-lab ## everything that CI runs

test-rust: ## unit and property tests of the functions
	@echo "test: compiling the functions for their tests (the first time some minutes)"
	@cargo test --quiet --locked --workspace

test-lab: setup build ## the lab, the vendor's procedure, the critical section, the scenarios
	@$(BIN)/python -m pytest -q -n 2 --dist loadfile tests --ignore tests/scenarios
	@echo "test: the scenarios, each in a lab of its own"
	@$(BIN)/python -m pytest -q -n 2 --dist worksteal tests/scenarios

clean: ## remove all that was built
	rm -rf target $(VENV)
