# What a person types, and what CI types. `make` alone lists it.

# The ports of the local stack (stack/); give another on the command line or in the environment.
# They lie below the ports from which this machine connects to others (32768 and up): one of those may be taken at any moment.
export HOLDFAST_PG_PORT ?= 25432
export HOLDFAST_ENGINE_PORT ?= 28080
export HOLDFAST_OPERATON_PORT ?= 28081
export HOLDFAST_REDIS_PORT ?= 26379
export HOLDFAST_KAFKA_PORT ?= 29092
# The demo's own ports: 28090–28093, 28095 and 28096 for its inventories, 28094 for the daemon's health and metrics, 28097 for its API.
export HOLDFAST_SIMULATOR_PORT ?= 28090
export HOLDFAST_ADMIN_PORT ?= 28094
export HOLDFAST_HTTP_PORT ?= 28097
# Where the stack keeps its data, logs and jars.
export HOLDFAST_STACK_DIR ?= $(CURDIR)/.stack

# Tests wait for the engine more than they compute.
export RUST_TEST_THREADS ?= 4

TARGET := $(or $(CARGO_TARGET_DIR),target)
BEGUN := $(shell date +%s)
took = echo "make $@: done in $$(( $$(date +%s) - $(BEGUN) )) s"

.DEFAULT_GOAL := help
.PHONY: help setup up down status reset build fmt check test chaos demo bench bench-events clean

help: ## Lists the targets.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo "Ports: HOLDFAST_PG_PORT, HOLDFAST_ENGINE_PORT, HOLDFAST_OPERATON_PORT, HOLDFAST_REDIS_PORT, HOLDFAST_KAFKA_PORT,"
	@echo "       HOLDFAST_SIMULATOR_PORT, HOLDFAST_ADMIN_PORT, HOLDFAST_HTTP_PORT (the demo's)."

setup: ## Installs what this machine lacks (root or sudo) and fetches the engines; touches no server that is there.
	@stack/setup

up: setup ## Starts PostgreSQL, Redis, Kafka, Camunda and Operaton from .stack/ (SERVICES="postgres engine" for some).
	@stack/up $(SERVICES)

down: ## Stops what `make up` and `make demo` started, and nothing else.
	@stack/down $(SERVICES)

status: ## Shows what runs, on which port.
	@stack/status

reset: ## Stops the stack and deletes its data; what was fetched stays.
	@stack/reset

build: ## Builds the daemon for development.
	cargo build

fmt: ## Formats the code.
	cargo fmt

check: setup ## Formatting, lints, docs with warnings as errors, room borders, shell scripts, docker-compose.yml.
	cargo fmt --check
	cargo clippy -- -D warnings
	cargo clippy --all-targets --features chaos -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --no-deps --document-private-items
	cargo test --features chaos --test architecture
	@for script in stack/setup stack/up stack/down stack/status stack/reset stack/lib.sh stack/services/*.sh .ci/run; do \
	  bash -n "$$script" || exit 1; done
	@if docker compose version >/dev/null 2>&1; then docker compose config -q; \
	  else echo "docker compose is not here: docker-compose.yml was not checked"; fi
	@$(took)

test: setup ## Every test, on the real engines, a real PostgreSQL and a real broker, and a part of the fault matrix; leaves them running.
	@stack/up postgres kafka engine operaton
	cargo test --features chaos --no-fail-fast
	@echo "The exhaustive search has seen these worlds:"; \
	  sed 's/{"name":"\([^"]*\)","worlds":\([0-9]*\)}/  \2 with an inventory of the kind: \1/' $(TARGET)/chaos/search/*.json
	@echo "The stack is still running: 'make down' ends it."
	@$(took)

chaos: setup ## The deep search, the whole crash and fault matrix, the planted bugs; writes its report (hours; MATRIX_S cuts it short).
	@stack/up postgres kafka engine
	SEARCH_FAULTS=2 cargo test --features chaos --test search -- --nocapture
	HISTORIES=400 cargo test --features chaos --test it -- histories:: --nocapture
	cargo test --features chaos --test chaos -- full
	@$(took)

demo: setup ## Orders of every kind through the real Camunda; ends with a table and links (HOLDFAST_DEMO_ARGS).
	@stack/up postgres kafka engine
	cargo build
	@$(TARGET)/debug/holdfast demo $(HOLDFAST_DEMO_ARGS)
	@$(took)

bench: setup ## Full path against the no-op ceiling, and checks over HTTP, measured on this machine.
	@stack/up postgres engine
	cargo bench --bench full_path
	cargo bench --bench availability
	@$(took)

bench-events: setup ## The way of facts to the broker, measured on this machine.
	@stack/up postgres kafka engine
	cargo bench --bench events
	@$(took)

clean: ## Deletes what was built; the stack's data is for `make reset`.
	cargo clean
