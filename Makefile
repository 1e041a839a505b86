# Works with GNU make 3.81, the one on macOS.
# PYTHON: the interpreter to make the environment with. VENV: where to make it.
# MODELS, ARGS: names for `strongroom models fetch`, options for `strongroom serve`.

supported = import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c '$(supported)' 2>/dev/null && echo $$p && exit; done; echo python3)
VENV ?= .venv
BIN = $(VENV)/bin
TEST_MODELS = smollm2-135m-instruct all-minilm-l6-v2
setup = @python="$(PYTHON)"; command -v "$$python" >/dev/null || { \
	echo "There is no $$python. Install Python 3.11, 3.12 or 3.13, or name one:" \
	"make run PYTHON=/path/to/python3.12" >&2; exit 1; }; \
	"$$python" tools/setup.py --venv "$(VENV)"

.PHONY: help run test bundle setup setup-test lint format lock

help:
	@echo "make run     set up, fetch the weights, open the app"
	@echo "make test    set up, check the code, run every test"
	@echo "make bundle  put all of it into one file, for a machine without a network"
	@echo "make setup   only set up"
	@echo "make lint    only check the code"
	@echo "make format  put the code into its form"
	@echo "make lock    write requirements/*.lock anew (add UPGRADE=1 for newer versions)"

run: setup
	@"$(BIN)/strongroom" models fetch $(MODELS)
	@"$(BIN)/strongroom" serve $(ARGS)

test: lint
	@"$(BIN)/strongroom" models fetch $(TEST_MODELS)
	"$(BIN)/python" -m pytest $(ARGS)

bundle: setup
	@"$(BIN)/strongroom" models fetch $(MODELS)
	@"$(BIN)/python" tools/bundle.py --venv "$(VENV)"

setup:
	$(setup)

setup-test:
	$(setup) --test

lint: setup-test
	"$(BIN)/ruff" check .
	"$(BIN)/ruff" format --check .
	"$(BIN)/mypy"
	"$(BIN)/lint-imports"

format: setup-test
	"$(BIN)/ruff" check --fix-only .
	"$(BIN)/ruff" format .

lock: setup-test
	"$(BIN)/python" tools/lock.py $(if $(UPGRADE),--upgrade)
