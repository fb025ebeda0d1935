# What a person or CI does with this folder. `make help` lists the targets with the text behind each "##".

SHELL := /bin/sh
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# The first Python of at least 3.11; `make PYTHON=/path/to/python` decides otherwise.
PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3.14 python3; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && command -v $$p && break; done)
# One worker a processor, as the system counts them; tests that measure time share one of them (tests/conftest.py).
PYTEST_WORKERS ?= logical
TESTS ?= tests

.PHONY: help setup run test peers check format bench clean
.DEFAULT_GOAL := help

help: ## list what can be made
	@awk -F ':.*## ' '/^[a-z][a-z_-]*:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(STAMP) ## install everything into .venv (again only after a change of dependencies)

$(STAMP): pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo "setup: no Python of at least 3.11 found; install one (apt-get install python3 python3-venv)" \
		"or name it: make setup PYTHON=/path/to/python3.11" >&2; exit 1; }
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || { echo "setup: creating $(VENV) with $(PYTHON)"; rm -rf $(VENV); $(PYTHON) -m venv $(VENV) || { \
		rm -rf $(VENV); echo "setup: this Python can't create virtual environments; run: apt-get install python3-venv" >&2; \
		exit 1; }; }
	@echo "setup: installing the pinned packages (a minute or two, once)"
	@$(BIN)/python -m pip install --disable-pip-version-check --progress-bar on --quiet \
		--constraint constraints.txt --editable '.[dev,pyvoip,speech,twilio,vosk]' || { \
		echo "setup: the packages could not be installed; check the network and pip's settings, then run make setup again" >&2; \
		exit 1; }
	@touch $@
	@echo "setup: done"

run: setup ## start the order line with demo data and place one real demonstration call
	@exec $(BIN)/orderline serve --demo

peers: setup ## get the real peers tests talk to (SIPp, Asterisk, PostgreSQL …) without root
	@$(BIN)/python tests/get_peers.py

test: setup ## run all tests; real peers that ran or were missing are named at the end
	@$(BIN)/python tests/get_peers.py || true
	@$(BIN)/python -m pytest -q -n $(PYTEST_WORKERS) --maxprocesses 8 --dist loadgroup $(TESTS)

check: setup ## lint, formatting, types, import rules
	@failed=; for step in "ruff check" "ruff format --check" "mypy" "lint-imports"; do \
		case $$step in ruff*) where=. ;; *) where= ;; esac; \
		echo "check: $$step"; $(BIN)/$$step $$where || failed="$$failed [$$step]"; \
	done; test -z "$$failed" || { echo "check: FAILED$$failed" >&2; exit 1; }

format: setup ## put every file into the house format
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

bench: setup ## run the benchmarks; JSON goes to bench/results
	@mkdir -p bench/results
	@set -e; for name in calls steps sales campaign console twilio; do \
		echo "bench: $$name" >&2; $(BIN)/orderline bench $$name --json >bench/results/$$name.part; \
		mv bench/results/$$name.part bench/results/$$name.json; cat bench/results/$$name.json; \
	done

clean: ## remove what was installed and made here, but no data
	rm -rf $(VENV) .peers .mypy_cache .ruff_cache .pytest_cache .hypothesis *.egg-info
