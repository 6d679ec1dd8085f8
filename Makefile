# Every target with a ## comment is listed by `make help`.
.DEFAULT_GOAL := help
SHELL := /bin/sh
PY := .venv/bin/python
SYSTEM_PYTHON ?= python3

.PHONY: help
help: ## List the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: embedded dev
embedded:
	@$(SYSTEM_PYTHON) requirements/install.py embedded
dev:
	@$(SYSTEM_PYTHON) requirements/install.py dev

.PHONY: demo
demo: embedded ## Set up everything, run a Jira, a GitHub and a vectorization job, show the results
	@$(PY) manage.py demo

.PHONY: up
up: embedded ## Keep the embedded stack and the sandbox running until Ctrl-C
	@$(PY) manage.py demo --keep

# Three processes on two cores, because tests often wait. The slow tests come first (tests/conftest.py).
.PHONY: test
test: dev check ## Run every check and every test
	@$(PY) -m tests.system_packages
	@$(PY) -m pytest -n 3 --dist loadfile --no-loadscope-reorder -m "not pictures"

# Both at once, to use two cores.
.PHONY: quick alone
quick: dev ## Run every check and every test without process or service: an answer within a minute
	@$(MAKE) --no-print-directory -j 2 check alone
alone:
	@$(PY) -m pytest -q -n 2 --dist loadfile tests/unit tests/contract

.PHONY: check
check: dev ## Formatting, lint, types, templates, imports, migrations
	@$(PY) -m ruff format --check .
	@$(PY) -m ruff check .
	@$(PY) -m mypy etlproject apps tests tools manage.py
	@.venv/bin/djlint --check --lint apps
	@.venv/bin/lint-imports --no-cache
	@DJANGO_SETTINGS_MODULE=etlproject.settings.check $(PY) manage.py makemigrations --check --dry-run

.PHONY: format
format: dev ## Format code and templates
	@$(PY) -m ruff format .
	@$(PY) -m ruff check --fix .
	@-.venv/bin/djlint --quiet --reformat apps

.PHONY: bench
bench: dev ## Measure full syncs against the sandbox, the baselines and a peer
	@$(PY) -m tools.bench

.PHONY: bench-live
bench-live: dev ## Measure how long a stored change takes to 200 open pages
	@$(PY) -m tools.bench.live

.PHONY: chaos
chaos: dev ## Disturb real runs by 200 faults per broker and write docs/reliability.md
	@$(PY) -m tests.system_packages
	@$(PY) -m tools.chaos --report

.PHONY: holes
holes: dev ## Try every hole in the answer to every kind of request and write docs/reliability.md
	@$(PY) -m tests.system_packages
	@$(PY) -m tools.holes --report $(ONLY)

.PHONY: pictures
pictures: dev ## Take a picture of every page; those of the README go into docs/images
	@$(PY) -m tests.system_packages
	@$(PY) -m pytest -q tests/e2e/test_screens.py
	@cp artefacts/gallery/*.png docs/images/

.PHONY: pins
pins: ## Compile requirements/*.in into pins with hashes (needs uv)
	@for set in base embedded dev; do \
		uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-header \
			requirements/$$set.in -o requirements/$$set.txt; \
	done

.PHONY: clean
clean: ## Remove everything that the other targets made
	rm -rf .venv var artefacts .mypy_cache .ruff_cache .pytest_cache .hypothesis
