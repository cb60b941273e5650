# make demo shows it, make test tests it, make check is what CI runs.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

BIN := .venv/bin
PYTHON ?= $(shell for p in python3.11 python3 python3.12 python3.13 python3.14; do \
	"$$p" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { command -v "$$p"; break; }; done)
PROTOS := $(wildcard accredit/*/proto/*.proto)
SOURCES := accredit/__init__.py accredit/__main__.py agent attestation authority envoy identity \
	$(wildcard file_output) rotation sds_server workload_api bench examples tests
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

ARGS ?=
T ?= tests
WORKERS ?= $(shell nproc)

##@ Use it

.PHONY: demo
demo: .venv/.runtime  ## two plain HTTP apps behind two real Envoys; ARGS=--once ends by itself
	@$(BIN)/accredit demo $(ARGS)

.PHONY: venv
venv: .venv/.dev  ## everything for working on the code, in .venv

##@ Test it

# All files side by side, a part one by one; $(1) is how Python begins. In a folder with a short
# name, as some tests are at the length of a path a socket can have.
pytest = folder=$$(mktemp -d /tmp/XXXXXX) && trap 'rm -rf "$$folder"' EXIT && $(BIN)/python $(1) -m pytest \
	-n $(if $(filter tests,$(T)),$(WORKERS),0) --dist loadfile --basetemp "$$folder/t" $(T) $(ARGS)

.PHONY: test
test: .venv/.dev .venv-interop/.done debian-packages tpm  ## all tests; T=tests/unit for a part
	$(call pytest,)

.PHONY: check
check: fmt-check lint types layers proto-check conformance-check docs-config-check cover  ## what CI runs

.PHONY: cover
cover: .venv/.dev .venv-interop/.done debian-packages tpm  ## all tests, with coverage
	@mkdir -p build
	rm -f build/coverage*
	$(call pytest,-m coverage run) 2>&1 | tee build/pytest.log
	$(BIN)/python -m coverage combine --quiet
	$(BIN)/python -m coverage report
	@tail -n 1 build/pytest.log

.PHONY: fmt fmt-check lint types layers
fmt: .venv/.dev  ## format, and repair what ruff can
	$(BIN)/ruff check --fix-only --quiet $(SOURCES)
	$(BIN)/ruff format $(SOURCES)

fmt-check: .venv/.dev
	$(BIN)/ruff format --check $(SOURCES)

lint: .venv/.dev  ## ruff, every rule
	$(BIN)/ruff check $(SOURCES)

types: .venv/.dev  ## mypy --strict, source and tests
	$(BIN)/mypy
	$(BIN)/mypy tests bench

layers: .venv/.dev  ## imports go one way
	$(BIN)/lint-imports

.PHONY: bench soak
bench: .venv/.dev  ## measure the hot paths beside their floor; nothing fails on a time
	$(BIN)/python -m bench $(ARGS)

soak: .venv/.dev  ## an hour of rotations under load; ARGS="--seconds 60"
	$(BIN)/python tests/soak.py $(ARGS)

##@ Generate

.PHONY: proto proto-check
# $(1) is where the code goes. mypy-protobuf's plugin is looked up on PATH. Messages only: services
# do not know their transport, so nothing here may import grpc.
protoc = $(if $(PROTOS),PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m grpc_tools.protoc -I. \
	--python_out=$(1) --mypy_out=quiet:$(1) $(PROTOS),:)

proto: .venv/.dev  ## code from the .proto files
	$(call protoc,.)

proto-check: .venv/.dev
	@rm -rf build/proto && mkdir -p build/proto
	@$(call protoc,build/proto)
	@for folder in $(sort $(dir $(PROTOS))); do \
	    diff -r -q -x '*.proto' -x __init__.py -x __pycache__ "build/proto/$$folder" "$$folder" \
	        || { echo "generated code is stale: make proto"; exit 1; }; \
	done

.PHONY: conformance conformance-check
conformance: .venv/.dev  ## docs/conformance.md from the tests
	$(BIN)/python tests/conformance/report.py

conformance-check: .venv/.dev
	$(BIN)/python tests/conformance/report.py --check

.PHONY: docs-config docs-config-check
docs-config: .venv/.dev  ## docs/configuration.md from the configuration's model
	$(BIN)/python -m accredit.agent.reference > docs/configuration.md

docs-config-check: .venv/.dev
	@$(BIN)/python -m accredit.agent.reference | diff -u docs/configuration.md - \
	    || { echo "docs/configuration.md is stale: make docs-config"; exit 1; }

.PHONY: golden
golden: .venv/.dev  ## tests/envoy/golden/*.json from the sidecar files beside them
	PYTHONPATH=tests $(BIN)/python -m support.golden

.PHONY: build
build: .venv/.dev  ## the wheel, checked
	rm -rf dist
	$(BIN)/python -m hatchling build
	$(BIN)/python -m pytest -q tests/integration/test_wheel.py

##@ Set up

.PHONY: debian-packages interop-venv tpm kafka spire clean help
debian-packages:
	@.ci/apt-install $$(grep -v '^#' tests/apt-packages.txt) || echo "going on: what needs them is skipped"

interop-venv: .venv-interop/.done

# There is no wheel of it, and not every desk has a compiler and libtss2: not part of .venv/.dev.
tpm: .venv/.dev debian-packages  ## what talks to a TPM, compiled into .venv
	@$(BIN)/python -c 'import tpm2_pytss' 2>/dev/null || $(PIP) install --group tpm \
	    || echo "going on: what needs a TPM is skipped"

# Asked for by name only: the tests count on apt and pip, not on Maven Central.
kafka: tests/kafka.xml  ## Kafka's jars in build/kafka, for the tests with a real one; needs mvn
	rm -rf build/kafka
	timeout 300 mvn --quiet --batch-mode --strict-checksums --file tests/kafka.xml \
	    org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies \
	    -DincludeScope=runtime -DoutputDirectory=$(CURDIR)/build/kafka

# Asked for by name only, too, since it comes from the Go module proxy. go.sum says what it is.
spire: tests/spire/go.mod tests/spire/go.sum  ## SPIRE and a client of go-spiffe in build/spire, for the tests with real ones; needs go
	rm -rf build/spire
	cd tests/spire && timeout 1800 env GOFLAGS=-mod=readonly go build -trimpath -buildvcs=false -o $(CURDIR)/build/spire/ tool
	cd tests/spire/client && timeout 600 env GOFLAGS=-mod=readonly go build -trimpath -buildvcs=false -o $(CURDIR)/build/spire/go-spiffe-client .

# pip from the start, so that make demo needs nothing but Python; ensurepip is a package of its own on Debian.
.venv/bin/python:
	@[ -n "$(PYTHON)" ] || { echo "Python 3.11 or newer is needed: apt-get install python3"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null \
	    || .ci/apt-install "$$($(PYTHON) -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')"
	$(PYTHON) -m venv .venv

.venv/.runtime: .venv/bin/python pyproject.toml
	$(PIP) install --editable '.[demo]'
	@touch $@

# --group came with pip 25.1.
.venv/.dev: .venv/bin/python pyproject.toml
	$(PIP) install --upgrade 'pip>=25.1'
	$(PIP) install --editable '.[demo]' --group dev
	@touch .venv/.runtime $@

.venv-interop/.done: .venv/.dev pyproject.toml
	$(BIN)/python -m venv .venv-interop
	$(PIP) --python .venv-interop/bin/python install --group interop
	@touch $@

clean:  ## remove what make made
	rm -rf .venv .venv-interop build dist .coverage* .hypothesis .import_linter_cache .mypy_cache \
	    .pytest_cache .ruff_cache

help:
	@awk -F ':.*##' '/^##@/ {print "\n" substr($$0, 5)} /^[a-z-]+:.*##/ {printf "  make %-12s %s\n", $$1, $$2}' Makefile
