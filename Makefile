# The door to everything: `make help` lists it. Needs make and Python 3.13, nothing else.

PYTHON313 ?= python3.13
PYTHON := .venv/bin/python
LOCK := .venv/bin/uv pip compile --quiet --no-header --universal --generate-hashes --system-certs --python .venv/bin/python
# Give a port to `make dev PORT=8081`; start without data with `make dev RESET=1`.
export PORT RESET
# Try every combination of faults and rivals with `make test THOROUGH=1`.
export THOROUGH
# Measure the dashboard with much data, for some minutes, with `make bench DASHBOARD=1`.
export DASHBOARD
# Without compiled modules the tools start slowly.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help

help: ## Show this list
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' Makefile | while IFS='	' read -r name text; do printf '  %-11s %s\n' "$$name" "$$text"; done

.venv/installed: local/requirements.txt local/install.py
	@$(PYTHON313) -c 'import ensurepip, venv' 2>/dev/null || { \
		echo "Python 3.13 with its venv module is missing: install it so that $(PYTHON313) runs."; exit 1; }
	@$(PYTHON313) local/install.py

install: .venv/installed ## Make the Python environment in .venv

dev: install ## Deploy the template to an emulator on this machine and serve it on PORT
	@exec $(PYTHON) -m local.dev

test: install ## Run all tests
	@$(PYTHON) -m local.downloads
	@$(PYTHON) -m pytest --numprocesses=auto --dist=loadscope --no-loadscope-reorder $(TESTS)

screenshots: install ## Take pictures of all pages of the dashboard, into the folder screenshots
	@$(PYTHON) -m local.downloads
	@$(PYTHON) -m local.screenshots

bench: install ## Measure requests, capacity and time per operation
	@PYTHONPATH=functions:layers/orchard/python $(PYTHON) -m tests.bench

lint: install ## Check style, imports, spelling and the template
	@$(PYTHON) -m ruff check .
	@$(PYTHON) -m ruff format --check .
	@PYTHONPATH=functions:layers/orchard/python .venv/bin/lint-imports
	@.venv/bin/codespell
	@.venv/bin/sam validate --lint --region us-east-1

types: install ## Check types
	@$(PYTHON) -m mypy

format: install ## Put the code into its one format
	@$(PYTHON) -m ruff format .
	@$(PYTHON) -m ruff check --fix .

lock: install ## Renew the locked versions from the *.in files
	@$(LOCK) --upgrade local/requirements.in --output-file local/requirements.txt
	@$(LOCK) --upgrade layers/dependencies/requirements.in --constraint local/requirements.txt \
		--output-file layers/dependencies/requirements.txt
	@$(PYTHON) -m local.javascript lock

build: install ## Build functions and layers for AWS
	@PATH="$(CURDIR)/.venv/bin:$$PATH" .venv/bin/sam build

deploy: build ## Deploy to your AWS account; asks for what it needs
	@PATH="$(CURDIR)/.venv/bin:$$PATH" .venv/bin/sam deploy --guided

logs: ## Follow the log of `make dev`
	@tail -n 100 -F .orchard/stack.log

clean: ## Remove everything these commands made: environment, builds, data
	@rm -rf .venv .orchard .aws-sam local/node/node_modules local/node/dynamodb-local
	@rm -rf .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache

.PHONY: help install dev test screenshots bench lint types format lock build deploy logs clean
