# The tasks of the project; `make help` lists them.

PREFIX ?= /usr/local
DESTDIR ?=
CARGO ?= cargo

# Where .ci/setup puts a server when no package manager can.
export PATH := $(PATH):$(CURDIR)/.cache/bin

target_dir := $(or $(CARGO_TARGET_DIR),target)
binary := $(target_dir)/release/ucp-streams
have_nextest := $(shell $(CARGO) nextest --version 2>/dev/null)

.DEFAULT_GOAL := help
.PHONY: help demo build test lint install clean

help: ## List the tasks
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "%-10s %s\n", $$1, $$2 }' Makefile

demo: ## Show the whole pipeline on a private server; installs one when there is none
	@.ci/setup build server
	$(CARGO) build --release --locked
	$(binary) demo $(ARGS)

build: ## Build the release binary
	@.ci/setup build
	$(CARGO) build --release --locked

test: ## Run every test, each on its own private server
	@.ci/setup build server test
	$(CARGO) test --locked --doc
ifdef have_nextest
	$(CARGO) nextest run --locked --no-fail-fast
else
	$(CARGO) test --locked --no-fail-fast --lib --bins --tests
endif

lint: ## Check formatting, lints, documentation and shell scripts
	@.ci/setup build lint
	$(CARGO) fmt --check
	$(CARGO) clippy --locked --all-targets -- -D warnings
	RUSTDOCFLAGS='-D warnings' $(CARGO) doc --locked --no-deps --document-private-items
	shellcheck .ci/setup .ci/run

install: build ## Install under PREFIX (/usr/local), within DESTDIR
	install -d '$(DESTDIR)$(PREFIX)/bin'
	install -m 755 '$(binary)' '$(DESTDIR)$(PREFIX)/bin/ucp-streams'

clean: ## Remove what was built and downloaded
	$(CARGO) clean
	rm -rf .cache
