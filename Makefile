# The tasks of the project; `make help` lists them.

PREFIX ?= /usr/local
DESTDIR ?=
CARGO ?= cargo

# Where .ci/setup puts a server when no package manager can, and what cargo builds packages with.
export PATH := $(PATH):$(CURDIR)/.cache/bin:$(CURDIR)/.cache/cargo-deb/bin

target_dir := $(or $(CARGO_TARGET_DIR),target)
binary := $(target_dir)/release/ucp-streams
# What `make test-matrix` runs, on which of the servers of .ci/setup; MATRIX_TESTS='--test wire' narrows it.
MATRIX ?= redis-8.10.2 redis-8.6.2 redis-8.2.3 valkey-9.1.2 valkey-8.1.8 valkey-8.0.1
MATRIX_TESTS ?=
have_nextest := $(shell $(CARGO) nextest --version 2>/dev/null)

.DEFAULT_GOAL := help
# Set, `make test-install`, `make test-deb` and `make test-image` take a debug build, which is there sooner.
DEBUG ?=
# How long `make chaos` breaks things, and its seed (a new one each time when empty).
CHAOS_SECONDS ?= 1800
CHAOS_SEED ?=
# How large the server of `make bench-scale` is: 1 has ten million entries.
SCALE ?= 1

.PHONY: help demo build generate bench bench-scale bench-repairs bench-serve bench-history test test-openapi test-interop test-browser test-matrix soak chaos chaos-selftest lint install uninstall test-install deb test-deb test-image clean

help: ## List the tasks
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "%-14s %s\n", $$1, $$2 }' Makefile

demo: ## Show the whole pipeline on a private server; installs one when there is none
	@.ci/setup build server
	$(CARGO) build --locked
	$(target_dir)/debug/ucp-streams demo $(ARGS)

build: ## Build the release binary
	@.ci/setup build
	$(CARGO) build --release --locked

generate: ## Renew the manual pages, which are made from the commands
	$(CARGO) build --locked
	rm -f man/*.1
	$(target_dir)/debug/ucp-streams man --out man

bench: ## Measure what is written by hand beside the crates that would do it
	@.ci/setup build
	$(CARGO) bench --locked --bench by_hand -- --noplot $(ARGS)

bench-scale: build ## Measure what looks at a server with ten million entries cost: SCALE, ARGS
	@.ci/setup build server
	python3 benches/scale.py '$(binary)' --scale $(SCALE) $(ARGS)

bench-repairs: build ## Measure changes of a million entries: ARGS
	@.ci/setup build server
	python3 benches/repairs.py '$(binary)' $(ARGS)

bench-serve: build ## Measure what serve takes while 200 ask and 50 follow: ARGS
	@.ci/setup build server
	python3 benches/serve_load.py '$(binary)' $(ARGS)

bench-history: build ## Measure archive and the bridge beside what they are made of: ARGS
	@.ci/setup build server kafka
	$(CARGO) build --release --locked --example produce
	python3 benches/history.py '$(binary)' --produce '$(target_dir)/release/examples/produce' $(ARGS)

test: ## Run every test, each on its own private server
	@.ci/setup build server test
	$(CARGO) test --locked --doc
ifdef have_nextest
	$(CARGO) nextest run --locked --no-fail-fast
else
	$(CARGO) test --locked --no-fail-fast --lib --bins --tests
endif

test-openapi: ## Send what the description of serve allows, and what it does not; schemathesis is downloaded into .cache
	@.ci/setup build server openapi
	$(CARGO) test --locked --test serve -- --ignored --exact description::schemathesis_finds_nothing

test-interop: ## Run the tests beside redis-py, ioredis and DuckDB, which are downloaded into .cache
	@.ci/setup build server interop
	$(CARGO) test --locked --test interop -- --ignored

test-browser: ## Run the tests of the page in Chromium, which is installed where it can be
	@.ci/setup build server browser
	@if [ -e .cache/browser/skipped ]; then echo "SKIPPED: $$(cat .cache/browser/skipped)"; \
	  else $(CARGO) test --locked --test browser -- --ignored --test-threads 3; fi

ifdef have_nextest
# Most of these tests wait for a fault's end, so more of them run at once than there are cores.
run_tests := $(CARGO) nextest run --locked --no-fail-fast --status-level fail --test-threads 6
else
run_tests := $(CARGO) test --locked --no-fail-fast
endif

test-matrix: ## Run the tests on other versions of Redis and Valkey
	@.ci/setup build server test matrix
	@status=0; for name in $(MATRIX); do \
	  place='$(CURDIR)'/.cache/servers/$$name; \
	  if [ -e "$$place/skipped" ]; then echo "== $$name: SKIPPED, $$(cat "$$place/skipped")"; continue; fi; \
	  server=$$(echo "$$place"/*-server); \
	  echo "== $$name"; \
	  UCP_STREAMS_TEST_SERVER=$$server $(run_tests) $(MATRIX_TESTS) || status=$$?; \
	done; exit $$status

# The full counts of what CI only samples: hundreds of kills, half an hour of chaos.
soak: chaos ## Run every soak_… test and the long chaos run: an hour or more
	$(CARGO) test --locked --tests -- --ignored --nocapture soak_ a_million the_programs_of_the_manual

chaos: ## Break everything for half an hour: CHAOS_SECONDS, CHAOS_SEED
	@.ci/setup build server
	CHAOS_SECONDS=$(CHAOS_SECONDS) CHAOS_SEED=$(CHAOS_SEED) \
	  $(CARGO) test --locked --test chaos -- --ignored --exact soak::long_run --nocapture

chaos-selftest: ## See that the chaos suite finds bugs planted in the worker
	@.ci/setup build server
	$(CARGO) test --locked --features planted-bugs --target-dir $(target_dir)/planted \
	  --test chaos -- planted:: --nocapture

lint: ## Check formatting, lints, documentation and shell scripts
	@.ci/setup build lint
	$(CARGO) fmt --check
	$(CARGO) clippy --locked --all-targets -- -D warnings
	RUSTDOCFLAGS='-D warnings' $(CARGO) doc --locked --no-deps --document-private-items
	shellcheck .ci/setup .ci/run packaging/test-deb packaging/test-image packaging/test-install
	bash -n completions/ucp-streams.bash
	shellcheck --shell=bash completions/ucp-streams.bash
	zsh -n completions/_ucp-streams
	fish --no-execute completions/ucp-streams.fish
	mandoc -Tlint -Wwarning man/*.1

# Where each shell looks for completions of installed programs.
bash_dir := $(PREFIX)/share/bash-completion/completions
zsh_dir := $(PREFIX)/share/zsh/site-functions
fish_dir := $(PREFIX)/share/fish/vendor_completions.d
doc_dir := $(PREFIX)/share/doc/ucp-streams
man_dir := $(PREFIX)/share/man/man1

install: build ## Install under PREFIX (/usr/local), within DESTDIR
	install -d $(foreach dir,$(PREFIX)/bin $(bash_dir) $(zsh_dir) $(fish_dir) $(man_dir) $(doc_dir),'$(DESTDIR)$(dir)')
	install -m 755 '$(binary)' '$(DESTDIR)$(PREFIX)/bin/ucp-streams'
	install -m 644 completions/ucp-streams.bash '$(DESTDIR)$(bash_dir)/ucp-streams'
	install -m 644 completions/_ucp-streams '$(DESTDIR)$(zsh_dir)/_ucp-streams'
	install -m 644 completions/ucp-streams.fish '$(DESTDIR)$(fish_dir)/ucp-streams.fish'
	install -m 644 man/*.1 '$(DESTDIR)$(man_dir)'
	install -m 644 LICENSE-MIT LICENSE-APACHE NOTICES '$(DESTDIR)$(doc_dir)'

uninstall: ## Remove what install installed
	rm -f '$(DESTDIR)$(PREFIX)/bin/ucp-streams' '$(DESTDIR)$(bash_dir)/ucp-streams' \
	  '$(DESTDIR)$(zsh_dir)/_ucp-streams' '$(DESTDIR)$(fish_dir)/ucp-streams.fish' \
	  '$(DESTDIR)$(man_dir)'/ucp-streams.1 '$(DESTDIR)$(man_dir)'/ucp-streams-*.1 \
	  $(foreach file,LICENSE-MIT LICENSE-APACHE NOTICES,'$(DESTDIR)$(doc_dir)/$(file)')

test-install: ## Install by make and by cargo into directories of their own, and try it
	@.ci/setup build
	packaging/test-install $(if $(DEBUG),--debug)

deb: ## Build a Debian package into target/debian
	@.ci/setup build deb
	$(CARGO) deb --locked --profile dist

test-deb: ## Build the Debian package, install it into a root of its own, and remove it
	@.ci/setup build deb
	packaging/test-deb --profile $(if $(DEBUG),dev,dist)

test-image: ## Take the Dockerfile's steps in a root of their own, and run a worker there as the first process
	@.ci/setup build server
	packaging/test-image $(if $(DEBUG),--debug)

clean: ## Remove what was built and downloaded
	$(CARGO) clean
	rm -rf .cache
