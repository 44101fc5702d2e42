# `make demo` and `make test` do all their own set-up on a fresh Debian or Ubuntu machine and are cheap the second time.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help setup up demo test faults matrix lint bench traces fuzz lock reference clean-lab

STAMPS := .cache/setup
TOOLS := .cache/tools
RENDERED := .cache/rendered
PYTHON := .venv/bin/python
COMPILE := $(TOOLS)/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --no-header --no-config

help:
	@echo "make demo         the story in acts, on real Asterisks in containers; leaves them running (ONCE=1: takes them down)"
	@echo "make test         everything: lint, unit, property, store, browser and end-to-end tests"
	@echo "make lint         ruff, mypy, import contracts, the rendered dialplan"
	@echo "make bench        the figures, as lines 'figure: NAME = VALUE UNIT (goal: ...)'"
	@echo "make faults       every fault done to the real test PBX: of the telephone network, the fault matrix (20 minutes), and"
	@echo "                  companion and PBX killed in the middle of callbacks (40 minutes; POINTS=10: only so often)"
	@echo "make matrix       the fault matrix alone: whatever has died, what callers hear of it (FAULT='disk full': one row)"
	@echo "make fuzz         a quarter of an hour of hostile bytes and garbled lives of calls (SEED=N: the same again)"
	@echo "make traces       record anew what Asterisk 22 and 16 say in every scenario: tests/traces"
	@echo "make reference    write docs/settings.md anew from the settings"
	@echo "make setup        system packages and the virtual environment (the others do this by themselves)"
	@echo "make lock         write the requirements*.lock files anew from pyproject.toml"
	@echo "make clean-lab    remove the containers, their images, data and secrets"
	@echo "The containers by themselves: docker/testpbx help"

setup: $(STAMPS)/packages $(STAMPS)/venv

$(STAMPS)/packages: docker/packages docker/shell/engine.sh
	@docker/packages
	@mkdir -p $(STAMPS) && touch $@

# uv installs the locked dependencies in seconds; where it cannot, pip does the same more slowly.
$(STAMPS)/venv: $(STAMPS)/packages requirements-dev.lock requirements-tools.lock pyproject.toml docker/venv
	@docker/venv $(TOOLS)
	@mkdir -p $(STAMPS) && touch $@

up: setup
	@docker/testpbx up

# Counted from the first step of set-up to the last word.
demo: export KEEPLINE_DEMO_STARTED := $(shell date +%s)
demo: up
	@status=0; $(PYTHON) -m docker.lab.demo || status=$$?; \
	if [ -n "$(ONCE)" ]; then docker/testpbx down; fi; exit $$status

# First the real PBX, by itself: audio is listened to. Then the rest in two halves side by side, one for each core.
PYTEST := $(PYTHON) -m pytest -p no:cacheprovider
test: up lint
	$(PYTEST) -m "not faults" tests/e2e
	@mkdir -p .cache; status=0; $(PYTEST) tests/unit tests/property tests/traces > .cache/second-half.log 2>&1 & half=$$!; \
	$(PYTEST) tests/adapters tests/contract tests/web || status=$$?; \
	wait $$half || status=$$?; cat .cache/second-half.log; exit $$status

lint: setup
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy -p agi -p ami_bridge -p dialplan_templates -p docker.lab
	.venv/bin/lint-imports
	@rm -rf $(RENDERED) && mkdir -p $(RENDERED)/keepline && cp docker/pbx/extensions*.conf $(RENDERED)
	KEEPLINE_AGI_TOKEN=only-for-lint KEEPLINE_PBX_LAB_SECRET=only-for-lint KEEPLINE_TENANT_ACME_PIN=000000 \
		KEEPLINE_WEBHOOK_MONITORING_TOKEN=only-for-lint .venv/bin/keepline render --config docker/keepline.toml --out $(RENDERED)/keepline
	.venv/bin/asterisklint dialplan-check --asterisk-version 22 $(RENDERED)/extensions.conf
	.venv/bin/asterisklint dialplan-check --asterisk-version 22 docker/carrier/extensions.conf

faults: up
	@docker/testpbx up carrier16 pbx16 keepline16
	$(PYTEST) -m faults tests/property tests/e2e

matrix: up
	@docker/testpbx up carrier16 pbx16 keepline16
	$(PYTHON) -m docker.lab.matrix $(if $(FAULT),"$(FAULT)")

bench: up
	@for file in benchmarks/*.py; do echo "== $$file"; PYTHONPATH=. $(PYTHON) "$$file"; done

fuzz: setup
	@seed=$${SEED:-$$RANDOM}; echo "seed: $$seed"; \
	$(PYTHON) -m pytest -p no:cacheprovider --hypothesis-profile=fuzz --hypothesis-seed=$$seed \
		tests/unit/ami tests/adapters/ami/test_wire.py tests/adapters/ami/test_garbage.py \
		tests/property/test_tracker_machine.py tests/property/test_every_trace.py \
		tests/property/test_court_machine.py tests/unit/domain/detectors

# Both PBXs play side by side; each has its own telephone network.
traces: setup
	@docker/testpbx up carrier pbx carrier16 pbx16
	@$(PYTHON) -m docker.lab.traces --asterisk 16 & old=$$!; \
	status=0; $(PYTHON) -m docker.lab.traces --asterisk 22 || status=$$?; wait $$old || status=$$?; exit $$status

reference: setup
	@PYTHONPATH=. $(PYTHON) docs/reference.py

lock: $(STAMPS)/venv
	$(COMPILE) pyproject.toml -o requirements.lock
	$(COMPILE) pyproject.toml --group dev -o requirements-dev.lock
	$(COMPILE) docker/build.in -o docker/build.lock

clean-lab:
	@docker/testpbx clean
