# rwsgi: build, try, test and install. `make help` lists the targets.

# The Python that the module embeds, and that every virtual environment here is made from.
PYTHON ?= /usr/bin/python3
CARGO ?= cargo
APXS ?= apxs
# The first port `make serve` tries.
PORT ?= 8000
DESTDIR ?=

ROOT := $(CURDIR)
BUILT := $(ROOT)/target/release/libmod_rwsgi.so
# Name another module file (for example an installed mod_wsgi.so) to serve or test with it instead.
MODULE ?= $(BUILT)
SITE_VENV := $(ROOT)/target/site/venv
TEST_VENV := $(ROOT)/target/test-venv
PEER := $(ROOT)/target/peer
PACKAGES := $(ROOT)/target/packages
BENCH_PROGRAM = $(CARGO) run --quiet --locked --package rwsgi-bench --

export PYO3_PYTHON := $(PYTHON)
export APXS
export CARGO

.PHONY: help serve build install package lint test test-packages soak clean \
	bench bench-report bench-instructions bench-own-gil test-instructions setup-build setup-serve setup-test setup-bench \
	setup-package site-venv test-venv test-cargo test-example
.DEFAULT_GOAL := help

help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{ printf "  make %-18s %s\n", $$1, $$2 }'
	@echo
	@echo '  PYTHON=...   the Python to embed (default $(PYTHON))'
	@echo '  PORT=...     the first port make serve tries (default $(PORT))'
	@echo '  DESTDIR=...  a prefix for make install'

serve: setup-serve $(if $(filter $(BUILT),$(MODULE)),build) site-venv ## Serve the example site in the foreground, Ctrl-C stops it
	@$(PYTHON) example/serve --module $(abspath $(MODULE)) --venv $(SITE_VENV) --port $(PORT)

build: setup-build ## Build module and command into target/release, and the worker for $(PYTHON)
	$(CARGO) build --locked --release
	tools/worker.sh '$(PYTHON)' $(ROOT)/target/release/worker

# The steps of `make test` in their order; each also runs alone.
test: ## Set up, lint, build and run every test
	@$(MAKE) --no-print-directory setup-test
	@$(MAKE) --no-print-directory lint
	@$(MAKE) --no-print-directory build
	@$(MAKE) --no-print-directory test-example
	@$(MAKE) --no-print-directory test-cargo
	@$(MAKE) --no-print-directory test-instructions

test-cargo: test-venv ## Run the Rust and server tests against the built module
	RWSGI_TEST_WORKER=$(ROOT)/target/release/worker RWSGI_TEST_MODULE=$(abspath $(MODULE)) RWSGI_PEER_MODULE="$$(tools/peer.sh '$(PYTHON)' $(PEER))" \
		tools/with-test-venv.sh $(TEST_VENV) tools/other-python.sh $(ROOT)/target/other-python \
		tools/other-servers.sh $(ROOT)/target/other-servers tools/cargo-test.sh

test-instructions: build setup-test ## Fail when a request needs over 3 % more instructions than the baseline in benches/
	RWSGI_TEST_MODULE=$(abspath $(MODULE)) $(BENCH_PROGRAM) instructions --baseline --python '$(PYTHON)' \
		--systems floor,rwsgi,rwsgi-main,rwsgi-daemon

# The tests of daemon mode with thousands of restarts, deploys and deaths instead of dozens: hours.
soak: build test-venv ## Run daemon mode's tests under load for hours
	RWSGI_SOAK=1 RWSGI_TEST_WORKER=$(ROOT)/target/release/worker RWSGI_TEST_MODULE=$(abspath $(MODULE)) tools/with-test-venv.sh $(TEST_VENV) \
		tools/other-python.sh $(ROOT)/target/other-python $(CARGO) test --locked --test server daemon:: -- \
		--test-threads 1 --nocapture
	RWSGI_SOAK=1 RWSGI_TEST_MODULE=$(abspath $(MODULE)) $(CARGO) test --locked --test other_servers fuzz:: -- --nocapture

test-example: test-venv ## Run the example site's own tests
	cd example/guestbook && PYTHONDONTWRITEBYTECODE=1 GUESTBOOK_STATE=$(ROOT)/target/example-tests \
		$(TEST_VENV)/bin/python manage.py test

lint: setup-build ## Check formatting, clippy and rustdoc
	$(CARGO) fmt --all --check
	$(CARGO) clippy --locked --workspace --all-targets -- -D warnings
	$(CARGO) clippy --locked --no-default-features --features httpd,command --lib --bins -- -D warnings
	RUSTDOCFLAGS='-D warnings' $(CARGO) doc --locked --workspace --no-deps --document-private-items

# BENCH= takes further options, for example BENCH=--quick or BENCH='--cases hello,body --systems floor,rwsgi-main'.
bench: build setup-bench ## Compare all systems under load and write docs/benchmarks.md (BENCH=--quick: two minutes)
	RWSGI_TEST_MODULE=$(abspath $(MODULE)) tools/other-python.sh $(ROOT)/target/other-python \
		tools/other-servers.sh $(ROOT)/target/other-servers $(BENCH_PROGRAM) compare --python '$(PYTHON)' $(BENCH)

bench-report: setup-bench ## Write docs/benchmarks.md again from what make bench measured last
	$(BENCH_PROGRAM) report $(BENCH)

bench-instructions: build setup-bench ## Count instructions a request: floor, rwsgi, mod_wsgi; fail over 1.35 times the floor
	RWSGI_TEST_MODULE=$(abspath $(MODULE)) $(BENCH_PROGRAM) instructions --check --python '$(PYTHON)' $(BENCH)

bench-own-gil: setup-test ## Measure two application groups with a GIL each (needs a second Python, 3.12 or later)
	tools/other-python.sh $(ROOT)/target/other-python $(BENCH_PROGRAM) own-gil --check $(BENCH)

# Builds nothing, so that `sudo make install` needs no Rust in root's PATH.
install: ## Install what `make build` made and the configuration (DESTDIR= for packaging)
	@tools/install.sh '$(MODULE)' '$(DESTDIR)'

package: setup-package ## Build the packages that this machine can build into target/packages
	tools/package.sh all $(PACKAGES)

# Makes Debian trees of a few hundred megabytes below target/, as root.
test-packages: ## Build packages, install them into fresh systems, in the place of mod_wsgi too (as root, minutes)
	@tools/setup.sh test-packages '$(PYTHON)'
	tools/package.sh all $(PACKAGES)
	tests/packages/debian.sh $(PACKAGES)
	tests/packages/rpm.sh $(PACKAGES)
	tests/packages/wheel.sh $(PACKAGES)

clean: ## Remove everything that was built
	rm -rf target

setup-build:
	@tools/setup.sh build '$(PYTHON)'

setup-serve:
	@tools/setup.sh serve '$(PYTHON)'

setup-test:
	@tools/setup.sh test '$(PYTHON)'

setup-bench:
	@tools/setup.sh bench '$(PYTHON)'

setup-package:
	@tools/setup.sh package '$(PYTHON)'

site-venv: setup-serve
	@tools/venv.sh '$(PYTHON)' $(SITE_VENV) example/requirements.txt

test-venv: setup-test
	@tools/venv.sh '$(PYTHON)' $(TEST_VENV) tests/requirements.txt
