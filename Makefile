# mirrorsnap. `make help` lists the targets; README.md explains them.
.DEFAULT_GOAL := help
SHELL := /bin/sh

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
export PYTHONPATH := tests
NODECMD := target/nodecmd/release/nodecmd
MUTANTS_VERSION := 27.1.0
MUTANTS := target/tools/cargo-mutants-$(MUTANTS_VERSION)/bin/cargo-mutants
DENY_VERSION := 0.20.2
DENY := target/tools/cargo-deny-$(DENY_VERSION)/bin/cargo-deny
CHECKOV := target/tools/checkov
SAM := target/tools/sam
REFERENCES := target/references/.installed
BOOTSTRAP := target/lambda/bootstrap/bootstrap
# host: what the tests run and what is deployed; arm64 or x86_64: for that processor, linked by zig with Lambda's glibc
ARCH ?= host
# Cargo.toml's release profile is measured (docs/functions.md), so cargo-lambda adds nothing of its own to it.
LAMBDA_BUILD := $(BIN)/cargo-lambda lambda build --release --locked --package mirrorsnap --bin bootstrap \
  --output-format binary --disable-optimizations --lambda-dir target/lambda
HOST = $(shell rustc -vV | sed -n 's/^host: //p')
ARCH_host := --compiler cargo --skip-target-check
ARCH_arm64 := --arm64
ARCH_x86_64 := --x86-64

.PHONY: help setup build cli cli-page pictures deploy probe-aws demo scenario drawings permissions catalogue japanese lock templates deny advisories lab lint check test test-all test-rust test-schedules test-aws witnesses bench bench-page mutants clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup: $(VENV)/.installed $(REFERENCES) $(NODECMD) ## install what the lab and the tests need (pinned, hashed)

# Python compiles what it imports when it first does. The crates come meanwhile; without a network the build says so.
$(VENV)/.installed: tests/requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "mirrorsnap needs Python 3.11 or later, this is " + sys.version)'
	@echo "setup: creating $(VENV) (half a minute)"
	@$(PYTHON) -m venv $(VENV)
	@cargo fetch --quiet --locked & \
	  $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile --require-hashes -r $<; installed=$$?; wait; exit $$installed
	@touch $@

# Only the lock file says what is installed: the order-only prerequisite brings Node.js and is no reason to do it again.
$(REFERENCES): tests/references/package-lock.json | $(VENV)/.installed
	@echo "setup: installing what judges the state machines and the roles (seconds)"
	@$(BIN)/python -m references.node
	@touch $@

$(NODECMD): $(wildcard tests/lab/nodecmd/src/*.rs) tests/lab/nodecmd/Cargo.toml
	@echo "setup: compiling the simulated nodes' commands (seconds)"
	@RUSTFLAGS="-C target-feature=+crt-static" cargo build --quiet --release --locked --manifest-path tests/lab/nodecmd/Cargo.toml --target-dir target/nodecmd
	@touch $@

build: setup ## build the functions and what is deployed (ARCH=arm64 or x86_64: for another processor than this machine's, which the lab needs)
	@test -n "$(ARCH_$(ARCH))" || { echo "build: ARCH is host, arm64 or x86_64, not $(ARCH)" >&2; exit 2; }
	@mkdir -p target/lambda
	@test -f $(BOOTSTRAP) || echo "build: the first build compiles the AWS SDK, 10 to 14 minutes on two cores and up to 8 GB of memory (aws-sdk-ec2); later ones take seconds"
	@PATH="$(CURDIR)/$(BIN):$$PATH" flock target/lambda/.lock sh -c '$(LAMBDA_BUILD) $(ARCH_$(ARCH)) >&2 && $(BIN)/python infra/build.py'

# With --target and release, as the functions are built: the SDK is compiled once for both (tests/cli/test_cli_build.py).
cli: ## build the command line: target/mirrorsnap (the SDK is the one that `make build` compiles)
	@cargo build --release --locked --target $(HOST) --package mirrorsnap-cli --bin mirrorsnap
	@mkdir -p target && cp "$${CARGO_TARGET_DIR:-target}/$(HOST)/release/mirrorsnap" target/mirrorsnap

cli-page: ## write the commands' part of docs/cli.md anew; test-rust says when it is not current
	@cargo run --quiet --locked --package mirrorsnap-cli --no-default-features --example reference

pictures: build cli ## make the README's two pictures anew from a terminal and the lab (docs/screens; minutes)
	@$(BIN)/python tests/cli/pictures.py

deploy: build ## create or update the stack, never during an operation; asks what it does not know (BUCKET=… STACK=… REGION=… TAGS="a=b" YES=1 ARGS="AlarmEmail=…")
	@$(BIN)/python infra/deploy.py --stack "$(or $(STACK),mirrorsnap)" $(if $(BUCKET),--bucket "$(BUCKET)") $(if $(REGION),--region "$(REGION)") \
	  $(if $(YES),--yes) $(foreach tag,$(TAGS),--tag "$(tag)") $(ARGS)

probe-aws: setup ## ask AWS what docs/assumptions.md believes, in a scratch account of yours (ARGS="--dry-run"; ARGS=--help)
	@PYTHONPATH=infra $(BIN)/python -m probes $(ARGS)

demo: build ## a backup without an outage, one with it, a restore, its rollback, a restore again, in the lab: live, proved byte by byte; report in target/demo
	@$(BIN)/python -m scenario.demo $(ARGS)

scenario: build ## run one scenario: make scenario FILE=tests/scenarios/plain.yaml (docs/scenarios.md; ARGS="--scale N")
	@test -n "$(FILE)" || { echo "scenario: name one, e.g. make scenario FILE=tests/scenarios/plain.yaml" >&2; exit 2; }
	@$(BIN)/python -m scenario.runner $(ARGS) "$(FILE)"

drawings: $(VENV)/.installed ## draw the state machines anew (docs/statemachines); lint says when they are not current
	@$(BIN)/python infra/draw_statemachines.py

permissions: $(VENV)/.installed ## write docs/permissions.md anew from the template; lint says when it is not current
	@$(BIN)/python infra/permissions_page.py

catalogue: $(VENV)/.installed ## write docs/errors.md, errors.ja.md and catalogue.json anew from docs/catalogue.yaml; lint says when they are not current
	@$(BIN)/python infra/catalogue.py

japanese: ## note that the Japanese pages say what the English ones say now; a test says when an English page has changed since
	@$(PYTHON) infra/japanese_pages.py --accept

lock: $(VENV)/.installed ## resolve the requirements.in of tests, infra and infra/checkov again
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==0.13.9
	@for d in tests infra infra/checkov; do $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --no-header $$d/requirements.in -o $$d/requirements.txt; done

# Each has an environment of its own, since its pins collide with the lab's. The lock file is complete; without --no-deps pip demands a
# hash for each set of extras too.
$(SAM)/.installed: infra/requirements.txt
$(CHECKOV)/.installed: infra/checkov/requirements.txt
$(SAM)/.installed $(CHECKOV)/.installed:
	@echo "templates: installing $(notdir $(@D)) (a minute or two, 300 to 350 MB)"
	@$(PYTHON) -m venv $(@D)
	@$(@D)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r $<
	@touch $@

templates: $(VENV)/.installed $(SAM)/.installed $(CHECKOV)/.installed ## AWS SAM's linter and checkov's policies over what is deployed
	@$(BIN)/python infra/build.py target/lint/template.json
	@AWS_DEFAULT_REGION=$(or $(AWS_DEFAULT_REGION),ap-northeast-1) SAM_CLI_TELEMETRY=0 $(SAM)/bin/sam validate --lint -t target/lint/template.json
	@$(CHECKOV)/bin/checkov --config-file infra/checkov/checkov.yaml -f target/lint/template.json

$(DENY):
	@echo "deny: compiling cargo-deny (some minutes)"
	@CARGO_TARGET_DIR=target/tools/build cargo install --quiet --locked --root $(@D)/.. cargo-deny@$(DENY_VERSION)

deny: $(DENY) ## licences, sources and duplicates of the Rust crates (deny.toml); needs no network
	@$(DENY) --locked --offline check --hide-inclusion-graph licenses sources bans

advisories: $(DENY) ## known vulnerabilities of the Rust crates; asks the RustSec database, so it needs a network
	@$(DENY) --locked check --hide-inclusion-graph advisories

lab: setup ## run the lab in the foreground; AWS clients find it through target/lab/env (ARGS="--help" for more)
	@$(BIN)/python -m lab --env-file target/lab/env $(ARGS)

lint: setup ## formatter and linters over everything
	@$(BIN)/ruff check tests infra
	@$(BIN)/ruff format --check tests infra
	@rm -rf target/shellcheck && $(BIN)/python infra/build_documents.py --check target/shellcheck
	@$(BIN)/shellcheck -s sh target/shellcheck/*.sh tests/seed/*.sh tests/mutants.sh
	@$(BIN)/python infra/build.py target/lint/template.json && $(BIN)/cfn-lint -t target/lint/template.json
	@$(BIN)/python tests/lint_statemachines.py target/lint/*.asl.json
	@$(BIN)/python -m references.machines target/lint/template.json
	@$(BIN)/python -m references.roles target/lint/template.json
	@$(BIN)/python infra/draw_statemachines.py --check
	@$(BIN)/python infra/permissions_page.py --check
	@$(BIN)/python infra/catalogue.py --check
	@cargo fmt --all --check
	@cargo clippy --quiet --locked --workspace --no-default-features --all-targets -- -D warnings

test-rust: ## unit and property tests of the domain and the functions, without the SDK
	@cargo test --quiet --locked --workspace --no-default-features

test-schedules: ## new random schedules in the sim, for five minutes
	@SIM_SECONDS=300 cargo test --quiet --locked --package mirrorsnap-sim random

# `cargo clippy` and `cargo test` would each compile the SDK once more, which takes as long as the first build. As the
# compiler of the workspace's own crates in a release build, clippy takes the SDK that `make build` has compiled.
test-aws: ## clippy and tests of what stands on the SDK, with the SDK as `make build` compiles it
	@RUSTC_WORKSPACE_WRAPPER=clippy-driver CLIPPY_ARGS="-D__CLIPPY_HACKERY__warnings__CLIPPY_HACKERY__" \
	  cargo build --quiet --release --locked --target $(HOST) --package mirrorsnap --package mirrorsnap-cli --all-targets
	@cargo test --quiet --release --locked --target $(HOST) --package mirrorsnap --package mirrorsnap-cli

check: setup ## a minute or two: lint, unit tests, the critical section's witnesses, one backup in the lab
	@$(BIN)/python -m suite check

test: setup ## everything that CI runs
	@$(BIN)/python -m suite test

test-all: setup ## that, the whole sweep and the lab's whole contract, in parts (PART="sweep-crash seed"; tests/README.md)
	@$(BIN)/python -m suite all $(PART)

witnesses: setup ## look for new witnesses of the critical section's mutants where the scripts have changed (minutes)
	@PYTHONPATH=tests $(BIN)/python -m interleaving.witness

bench: build ## measure backups, restores and functions beside what users would do instead, within the hour (ONLY=outage, RESUME=1); nothing else should run
	@$(BIN)/python -m bench $(if $(ONLY),--only $(ONLY)) $(if $(RESUME),--resume) $(ARGS)

bench-page: $(VENV)/.installed ## write docs/performance.md and its drawing out of the last report of `make bench`
	@$(BIN)/python -m bench --page

$(MUTANTS):
	@echo "mutants: compiling cargo-mutants (some minutes)"
	@cargo install --quiet --locked --root $(@D)/.. cargo-mutants@$(MUTANTS_VERSION)

mutants: $(MUTANTS) ## mutation testing of what implements the safety argument; hours, and it goes on where it stopped (SHARD=2/8)
	@CARGO_MUTANTS="$(CURDIR)/$(MUTANTS)" tests/mutants.sh $(or $(SHARD),1/1)

clean: ## remove all that was built
	rm -rf target $(VENV)
