# `make demo` and `make test` do all the set-up themselves. They need Python 3.11 or newer and a package index.

PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; break; }; done)
VENV := .venv
BIN := $(VENV)/bin
PEERS := .venv-peers
# The files hold everything, resolved: no resolver is needed, and the older ones trip over hashes with extras.
PIP := $(BIN)/python -m pip --disable-pip-version-check install --no-input --retries 2 --no-deps --require-hashes

.PHONY: help demo up test lint format bench bench-learning bench-peers base-model lock clean

help: ## Show this.
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

demo: $(VENV)/runtime ## Show the main job, end to end, on examples/.
	@$(BIN)/leads demo

up: $(VENV)/runtime ## Run the whole system until Ctrl-C; keeps what is stored.
	@$(BIN)/leads up

test: $(VENV)/test ## Run all tests.
	@$(BIN)/python -m pytest -n 2 --dist loadfile

lint: $(VENV)/test ## Check format, lint, types and import contracts.
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/lint-imports
	@$(BIN)/pyright

format: $(VENV)/test ## Format, and mend what the linter can.
	@$(BIN)/ruff check --fix-only -q .
	@$(BIN)/ruff format .

bench: $(VENV)/test ## Measure speed and memory; prints a table with the machine beside it.
	@$(BIN)/python -m benchmarks

bench-learning: $(VENV)/test ## Simulate a year of corrections; writes the pictures of docs/learning.md.
	@$(BIN)/python -m benchmarks learning

bench-peers: $(VENV)/test $(PEERS)/cases ## Judge open matchers and ours alike; writes docs/accuracy.md (OURS=FILE.json, CORPUS=PATH).
	@$(BIN)/python -m benchmarks.peers --peers $(PEERS) $(if $(OURS),--ours $(OURS)) $(if $(CORPUS),--corpus $(CORPUS))

base-model: $(VENV)/runtime ## Rebuild the shipped mapping model from the data in the package; CHECK=1 compares only.
	@$(BIN)/python -m leads_pipeline.training.base_model $(if $(CHECK),--check)

lock: $(VENV)/test ## Compile requirements*.txt from pyproject.toml, for all supported Pythons.
	@$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-annotate --custom-compile-command "make lock" \
		--extra build pyproject.toml -o requirements.txt
	@$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-annotate --custom-compile-command "make lock" \
		--extra build --extra test -c requirements.txt pyproject.toml -o requirements-test.txt
	@$(BIN)/uv pip compile -q --universal --python-version 3.12 --generate-hashes --no-annotate --custom-compile-command "make lock" \
		--group bench -o requirements-bench.txt

clean: ## Remove the environment. What is stored stays; `leads db reset` deletes it.
	@rm -rf $(VENV) $(PEERS) *.egg-info

$(VENV)/python:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed and was not found; set PYTHON=/path/to/python3." >&2; exit 1; }
	@echo "Making $(VENV) with $$($(PYTHON) --version)."
	@$(PYTHON) -m venv $(VENV) || { echo "The environment could not be made: is the disk full, or Python's venv module missing \
	(Debian: python3-venv)?" >&2; exit 1; }
	@touch $@

$(VENV)/runtime: requirements.txt pyproject.toml | $(VENV)/python
	@echo "Installing what the system needs; this takes about a minute, once."
	@$(PIP) -r requirements.txt $(SAY_WHY)
	@$(BIN)/python -m pip --disable-pip-version-check install -q --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/test: requirements-test.txt $(VENV)/runtime
	@echo "Installing what the tests need."
	@$(PIP) -r requirements-test.txt $(SAY_WHY)
	@touch $@

# The peers' own environment, so that what they need cannot break ours. One of them wants Python 3.12.
PEERS_PYTHON ?= $(shell for p in $(BIN)/python python3.14 python3.13 python3.12 python3; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 12))' 2>/dev/null && { echo $$p; break; }; done)

$(PEERS)/ready: requirements-bench.txt | $(VENV)/test
	@test -n "$(PEERS_PYTHON)" || { echo "The peers need Python 3.12 or newer; set PEERS_PYTHON=/path/to/python3." >&2; exit 1; }
	@$(PEERS_PYTHON) -m venv --clear $(PEERS)
	@echo "Installing the peers."
	@$(PEERS)/bin/python -m pip --disable-pip-version-check install --no-input --retries 2 --no-deps --require-hashes \
		-r requirements-bench.txt $(SAY_WHY)
	@touch $@

# The cases stand in a peer's source distribution alone.
$(PEERS)/cases: $(PEERS)/ready
	@sed -n '/^infermap==/,/[^\]$$/p' requirements-bench.txt > $(PEERS)/cases.txt
	@$(PEERS)/bin/python -m pip --disable-pip-version-check download -q --no-deps --no-binary infermap --require-hashes \
		-r $(PEERS)/cases.txt -d $@ || { rm -rf $@; exit 1; }
	@touch $@

# pip's lines, without what does not concern a reader; a failure ends in a sentence.
SAY_WHY = | sed -nuE 's/^(Collecting|Processing) ([^ ]+).*/  \2/p; s/^(Installing|Successfully).*/  \1 .../p' ; \
	test $${PIPESTATUS[0]} -eq 0 || { echo "The packages could not be installed: is a package index reachable, and is there \
	disk space? The lines above say which package it was." >&2; exit 1; }
SHELL := /bin/bash
