# Quartet: `make up` starts it, `make test` proves it. Each target installs what it needs.

DATA_DIR ?= quartet-data
ARGS ?=
CARGO ?= cargo
VENV_BENCH := target/venv-bench
# What `make demo` starts, each a process of its own.
DEMO_PACKAGES := quartet quartet-demo stand-in-gemini stand-in-airtable \
  llm-orchestrator airtable-gateway mcp-server automation-services
# Debian packages for `test` and `bench`: program (a name on the PATH, or a path with wildcards) and package.
TEST_PACKAGES := redis-server:redis-server prometheus:prometheus /usr/lib/postgresql/*/bin/initdb:postgresql
BENCH_PACKAGES := prometheus:prometheus victoria-metrics:victoria-metrics

.PHONY: help up demo build test test-setup soak bench check conformance fuzz packages cargo

help:
	@sed -n 's/^## //p' Makefile

cargo:
	@command -v $(CARGO) >/dev/null || { echo "cargo is missing: install Rust from https://rustup.rs"; exit 1; }

build: cargo
	$(CARGO) build --release --locked -p quartet || { echo "once more, in case a download failed"; $(CARGO) build --release --locked -p quartet; }

## make up           build (cold: minutes) and start on loopback; data in ./quartet-data
up: build
	target/release/quartet up --data-dir $(DATA_DIR) $(ARGS)

## make demo         up, stand-ins for Gemini and Airtable, the four services, and a working day of traffic; ends with Ctrl-C
demo: cargo
	$(CARGO) build --release --locked $(DEMO_PACKAGES:%=-p %) \
	  || { echo "once more, in case a download failed"; $(CARGO) build --release --locked $(DEMO_PACKAGES:%=-p %); }
	target/release/quartet-demo --data-dir $(DATA_DIR)/demo $(ARGS)

# Installs Debian packages whose program is missing; says so when it cannot. $(1): list of program:package.
define install
@for pair in $(1); do \
  program=$${pair%%:*}; package=$${pair##*:}; \
  command -v $$program >/dev/null && continue; ls $$program >/dev/null 2>&1 && continue; \
  command -v apt-get >/dev/null || { echo "MISSING: $$program (no apt-get here; install it yourself)"; continue; }; \
  sudo=; [ "$$(id -u)" = 0 ] || sudo="sudo -n"; \
  get() { $$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$package >/dev/null 2>&1; }; \
  get || { $$sudo apt-get update -qq >/dev/null 2>&1; get; } || echo "MISSING: $$program (apt-get install $$package failed)"; \
done
endef

test-setup: cargo
	$(call install,$(TEST_PACKAGES))
	@for name in seed newest duckdb; do tests/python/environment.sh $$name >/dev/null || exit 1; done

## make test         every test; the black-box ones against a debug build
test: test-setup
	$(CARGO) build --locked --workspace --all-targets \
	  || { echo "once more, in case a download failed"; $(CARGO) build --locked --workspace --all-targets; }
	@failed=; \
	$(CARGO) test --locked --workspace --no-fail-fast || failed=1; \
	QUARTET_BIN=$(CURDIR)/target/debug/quartet python/check.sh || failed=1; \
	[ -z "$$failed" ]

## make soak         the concurrency test for 60 s and 200 kills, against the release build
soak: build test-setup
	QUARTET_BIN=$(CURDIR)/target/release/quartet QUARTET_TEST_SECONDS=60 QUARTET_TEST_KILLS=200 \
	  $(CARGO) test --locked -p quartet-tests --test blackbox -- concurrency crash

## make conformance  only the upstream example files (CONFORMANCE_DIR, else ../shared/conformance)
conformance: cargo
	$(CARGO) build --locked -p quartet
	$(CARGO) test --locked -p quartet-tests --test blackbox -- conformance

## make check        what must hold before a commit: fmt, tidy, clippy, tests, docs
check: test-setup
	$(CARGO) xtask check
	@python3 -c 'import yaml' 2>/dev/null && python3 monitoring/check.py || echo "MISSING: PyYAML, monitoring/ not checked"

## make bench        figures of the release build and of peers; ARGS=--quick for a short run
bench: build
	$(call install,$(BENCH_PACKAGES))
	@test -x $(VENV_BENCH)/bin/rotel || { python3 -m venv $(VENV_BENCH) && $(VENV_BENCH)/bin/pip install --quiet rotel \
	  && ln -sf "$$(ls $(CURDIR)/$(VENV_BENCH)/lib/python3*/site-packages/rotel/rotel-agent)" $(VENV_BENCH)/bin/rotel; } \
	  || echo "MISSING: rotel (pip install failed), measured without it"
	$(CARGO) build --release --locked -p quartet-bench
	PATH="$(CURDIR)/$(VENV_BENCH)/bin:$$PATH" target/release/quartet-bench $(ARGS)
	$(CARGO) build --release --locked -p quartet-sdk-bench --features contrib
	target/release/quartet-sdk-bench $(filter --quick,$(ARGS))

## make fuzz         each fuzz target for FUZZ_SECONDS (60); needs a nightly toolchain
FUZZ_SECONDS ?= 60
fuzz: cargo
	@rustup toolchain list 2>/dev/null | grep -q nightly || { echo "MISSING: nightly Rust; run: rustup toolchain install nightly"; exit 1; }
	@$(CARGO) fuzz --version >/dev/null 2>&1 || $(CARGO) install --locked cargo-fuzz
	@failed=; for folder in crates/*/fuzz; do \
	  [ -f $$folder/Cargo.toml ] || continue; \
	  for target in $$($(CARGO) +nightly fuzz list --fuzz-dir $$folder); do \
	    echo "fuzz $$folder $$target: $(FUZZ_SECONDS) s"; \
	    $(CARGO) +nightly fuzz run --fuzz-dir $$folder $$target -- -max_total_time=$(FUZZ_SECONDS) -rss_limit_mb=1024 || failed="$$failed $$target"; \
	  done; \
	done; \
	if [ -n "$$failed" ]; then echo "fuzz FAILED:$$failed"; exit 1; fi; echo "fuzz: no failure"
