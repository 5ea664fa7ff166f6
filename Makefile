# Whatever is done with thoraq from a fresh clone: `make help` lists it.
# Needs Python 3.11 or later with venv and pip, make, and a package registry; nothing else.

PYTHON  ?= python3
VENV    ?= .venv
ARCHIVE ?=
DATA    ?= ../shared/data
# A vendor's index for torch and torchvision (see constraints.txt); the ordinary registry if empty.
TORCH_INDEX ?=
# More options for pytest, such as `make test PYTEST_FLAGS="-k reading -x"`.
PYTEST_FLAGS ?=
# Processes that share the tests; 0 runs them in one, as a debugger wants it.
TESTS_AT_ONCE ?= 2
# Options of the comparison; `make peers PEERS_FLAGS=--help` lists them.
PEERS_FLAGS ?=

BIN   := $(VENV)/bin
CODE  := radiograph network db scheduler results pacs training worker cli thoraq migrations deploy tests testbed benchmarks
FREE_OF_TORCH := grep -vE '^(torch|torchvision|triton|cuda-|nvidia-)' constraints.txt

SHELL := /bin/sh
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help
.PHONY: help setup demo test lint format servers docs readme settings chaos fuzz mutants encodings peers train lock clean

help: ## say what can be made
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' Makefile

setup: $(VENV)/.installed ## install thoraq into .venv [TORCH_INDEX=https://...]

demo: setup $(if $(ARCHIVE),,demo/.archive) ## measure a made archive, or a real one: make demo ARCHIVE=/folder
	$(BIN)/thoraq process "$(or $(ARCHIVE),demo/archive)" --state demo/state

# Made once: files that were written anew would be looked at anew.
demo/.archive: | setup
	$(BIN)/python -m radiograph.phantom demo/archive --count 200 --seed 42
	@touch $@

test: lint servers ## run every check and every test, as .ci/run does
	PATH="$(abspath $(BIN)):$$PATH" OMP_NUM_THREADS=1 $(BIN)/python -m pytest \
		-n $(TESTS_AT_ONCE) --dist worksteal $(PYTEST_FLAGS)

lint: $(VENV)/.checks ## run ruff, mypy and the import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/.checks ## bring the code into its one form
	$(BIN)/ruff check --fix-only --quiet .
	$(BIN)/ruff format .

servers: $(VENV)/.checks
	sh deploy/test-servers.sh $(BIN)/python

docs: $(VENV)/.checks ## renew what README.md and docs/ show of the program
	$(BIN)/python -m tests.docs

readme: docs

settings: setup ## renew deploy/thoraq.env.example from the settings
	$(BIN)/python -m deploy.env_example

chaos: $(VENV)/.checks servers ## break everything in ten nights, and count what was lost
	PATH="$(abspath $(BIN)):$$PATH" OMP_NUM_THREADS=1 $(BIN)/python -m tests.chaos

fuzz: $(VENV)/.checks servers ## send twenty thousand hostile files through the real stack
	PATH="$(abspath $(BIN)):$$PATH" OMP_NUM_THREADS=1 $(BIN)/python -m tests.fuzz

mutants: $(VENV)/.checks servers ## put deliberate faults into a copy, and see that the tests notice each
	PATH="$(abspath $(BIN)):$$PATH" OMP_NUM_THREADS=1 $(BIN)/python -m tests.mutants

encodings: $(VENV)/.checks ## write one chest in four thousand encodings, and read each of them
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.encodings

peers: $(VENV)/peers/.installed ## measure beside Ray Data, Dask, LitServe and others [PEERS_FLAGS="--rounds 3"]
	$(VENV)/peers/bin/python -m benchmarks.peers $(PEERS_FLAGS)

train: setup ## fit the network on annotated images: make train DATA=/folder
	$(BIN)/python -m training.fit --data "$(DATA)" --out build/network

lock: $(VENV)/.checks ## renew constraints.txt: the newest versions that go together
	$(BIN)/python -m pip install --quiet uv
	grep '^#' constraints.txt > $(VENV)/lock.txt
	$(BIN)/uv pip compile --universal --python-version 3.11 --extra dev --extra peers --upgrade \
		--no-annotate --no-header --quiet pyproject.toml >> $(VENV)/lock.txt
	mv $(VENV)/lock.txt constraints.txt

clean: ## remove .venv, the demonstration and every cache
	rm -rf $(VENV) demo build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	rm -rf *.egg-info .coverage*
	find $(CODE) -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "thoraq needs Python 3.11 or later; name one: make PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' || { \
		echo "this Python lacks venv; on Debian: apt-get install python3-venv" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: pyproject.toml constraints.txt | $(VENV)/bin/python
	@echo "installing thoraq into $(VENV): torch and its libraries take some minutes and 5 GB"
ifeq ($(TORCH_INDEX),)
	$(BIN)/python -m pip install --quiet -c constraints.txt -e .
else
	$(FREE_OF_TORCH) > $(VENV)/rest.txt
	$(BIN)/python -m pip install --quiet -c $(VENV)/rest.txt --index-url $(TORCH_INDEX) \
		torch torchvision
	$(BIN)/python -m pip install --quiet -c $(VENV)/rest.txt -e .
endif
	@touch $@

$(VENV)/.checks: $(VENV)/.installed
	if [ -f $(VENV)/rest.txt ]; then locked=$(VENV)/rest.txt; else locked=constraints.txt; fi; \
		$(BIN)/python -m pip install --quiet -c $$locked -e '.[dev]'
	@touch $@

# The peers' packages in a folder of their own, above those of thoraq, which they leave as they are.
$(VENV)/peers/.installed: $(VENV)/.installed
	$(BIN)/python -m venv $(VENV)/peers
	$(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))' > $(VENV)/base.pth
	mv $(VENV)/base.pth "$$($(VENV)/peers/bin/python -c \
		'import sysconfig; print(sysconfig.get_path("purelib"))')/thoraq-base.pth"
	if [ -f $(VENV)/rest.txt ]; then locked=$(VENV)/rest.txt; else locked=constraints.txt; fi; \
		$(VENV)/peers/bin/python -m pip install --quiet -c $$locked -e '.[peers]'
	@touch $@
