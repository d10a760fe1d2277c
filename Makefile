# Every target bootstraps its own virtual environment. Only Python 3.11+ and make are needed.
.DEFAULT_GOAL := help
.PHONY: help install run test lint format bench eval clean

PYTHON ?= python3
VENV := .venv
# uv from the PATH when there is one, otherwise our own copy, kept outside the environment that it manages.
UV := $(shell command -v uv 2>/dev/null || echo .uv/bin/uv)
UV_RUN := $(UV) run --frozen --extra local
export UV_PROJECT_ENVIRONMENT := $(VENV)
# Each conversation imports its workflow's modules anew: they are compiled once, not each time.
unexport PYTHONDONTWRITEBYTECODE

help: ## show this list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "make %-9s %s\n", $$1, $$2}'

.uv/bin/uv:
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Parley needs Python 3.11 or newer; set PYTHON=/path/to/python3.11")'
	$(PYTHON) -m venv .uv
	.uv/bin/python -m pip install --quiet --disable-pip-version-check uv

$(VENV)/.installed: pyproject.toml uv.lock | $(filter .uv/bin/uv,$(UV))
	$(UV) sync --frozen --quiet --compile-bytecode --extra local --python $(PYTHON)
	@touch $@

install: $(VENV)/.installed ## set up the virtual environment from the lock

run: install ## start the whole product in the foreground on the embedded stack
	@exec $(VENV)/bin/parley run

test: install ## run the whole test suite against real servers
	$(VENV)/bin/pytest -n 2 --dist loadfile $(ARGS)

lint: install ## formatting, lint, types and import rules
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports

format: install ## format and fix what can be fixed
	$(VENV)/bin/ruff format .
	$(VENV)/bin/ruff check --fix .

bench: install ## run the benchmarks, print a table, write bench/results.json
	$(VENV)/bin/python -m bench $(ARGS)

eval: install ## measure search and replies on labelled questions, write docs/quality.md
	$(VENV)/bin/python -m bench.quality $(ARGS)

clean: ## remove the environment and the data of the embedded stack
	rm -rf $(VENV) .uv .parley
