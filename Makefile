# What a person types. Every target sets up .venv first (tools/setup.sh; nothing to do means no wait).
# Plain make: macOS ships 3.81.
.DEFAULT_GOAL := test
.PHONY: help setup lab test test-all class lint format notebooks picture lock offline mutants nightly audit soak bench chaos rosetta stock-tests compat clean

BIN = .venv/bin

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-11s %s\n", $$1, $$2 }' Makefile

setup: ## .venv, with exactly what requirements.lock names, and labkit
	@sh tools/setup.sh

lab: setup ## the course in JupyterLab; options: make lab ARGS='--no-browser --port 8889'
	@$(BIN)/labkit lab $(ARGS)

test: setup ## lint, types, every test, the notebooks, the browser (also plain `make`)
	@$(BIN)/python tools/check.py

test-all: setup ## the same and the slow tests
	@$(BIN)/python tools/check.py --all

lint: setup ## ruff and mypy only
	@$(BIN)/python tools/check.py lint types

format: setup ## rewrites the code as ruff wants it
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

notebooks: setup ## runs every notebook and stores what came out, where it is new
	@$(BIN)/python tools/notebooks.py $(ARGS)

picture: setup ## the README's screenshot of the board, from a real browser
	@$(BIN)/python -m tools.picture

lock: setup ## requirements.lock from pyproject.toml, and both environment.yml from that (needs uv)
	@sh tools/lock.sh $(ARGS)

mutants: setup ## changes each solution many times: do the checks notice? (ARGS='05' for some)
	@$(BIN)/python -m tools.mutants $(ARGS)

nightly: setup ## all notebooks, 100 times over: how many runs pass? (ARGS='--runs 5 05')
	@$(BIN)/python tools/nightly.py $(ARGS)

offline: setup ## a folder from which a room without a network installs (ARGS=FOLDER)
	@$(BIN)/python tools/offline.py $(ARGS)

audit: setup ## bandit, and the lock against known advisories (ARGS='--advisories all.zip': offline)
	@$(BIN)/python -m tools.audit $(ARGS)

class: setup ## thirty learners at once in chapters 05 to 08, on one Redis and one PostgreSQL (ARGS='--learners 3 05')
	@$(BIN)/python -m tools.classroom $(ARGS)

soak: setup ## half an hour of steady work: does anything grow? (ARGS='--minutes 2')
	@$(BIN)/python -m tests.soak.run $(ARGS)

bench: setup ## labkit beside other queues, as ratios (ARGS='--quick' for a minute, --help for more)
	@$(BIN)/python -m bench $(ARGS)

chaos: setup ## 100,000 jobs under kills, cuts and restarts (ARGS='--jobs 5000 --seed 2')
	@$(BIN)/python -m tests.chaos.run $(ARGS)

rosetta: setup ## docs/rosetta.md from its source, each Ruby fact held against Sidekiq where that is installed
	@$(BIN)/python -m tools.rosetta --write

stock-tests: setup ## Dramatiq's own Redis tests on LabBroker: make stock-tests DRAMATIQ=path/to/checkout
	@$(BIN)/python tools/stock_tests.py "$(DRAMATIQ)" $(ARGS)

compat: setup ## the core's tests over other versions of Dramatiq, redis-py and the server (ARGS=--quick)
	@$(BIN)/python tools/compat.py $(ARGS)

clean: ## removes what the tools leave; keeps .venv, work/ and .labkit/
	rm -rf .mypy_cache .pytest_cache .ruff_cache .hypothesis build dist test-results
	find labkit tests tools notebooks -name __pycache__ -prune -exec rm -rf {} + 2>/dev/null || true
