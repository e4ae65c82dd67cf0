# Everything a fresh machine needs is set up by the first command; only Python 3.11+ is taken for granted.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

# Byte-code is kept, away from the sources, wherever a container is set up to keep none.
export PYTHONDONTWRITEBYTECODE :=
export PYTHONPYCACHEPREFIX := $(abspath $(VENV)/.pycache)

CORES := $(shell getconf _NPROCESSORS_ONLN)
WORKERS := $(shell expr $(CORES) \* 2)
BY_FILE := --dist loadfile --no-loadscope-reorder

.PHONY: run test quick check needs compiled setup pictures bench clean

run: $(READY)
	$(BIN)/kato-tenants run --sample

test: $(READY) needs
	$(BIN)/python -m pytest -n $(WORKERS) $(BY_FILE)

quick: $(READY)
	$(BIN)/python -m pytest -n $(CORES) $(BY_FILE) --hypothesis-profile quick tests/unit

setup: $(READY)

check: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

pictures: $(READY) needs
	PICTURES=docs/pictures ALL_PICTURES=build/pictures $(BIN)/python -m pytest tests/browser -k pictures

bench: $(READY)
	$(BIN)/python -m bench

clean:
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

needs: $(READY)
	$(BIN)/python -m tests.servers.install browser postgresql prometheus redis

compiled: $(READY)
	$(BIN)/python -m pytest --collect-only --quiet > /dev/null

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed; set PYTHON=…" if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV) || { echo "python3 -m venv failed; on Debian: apt-get install python3-venv"; exit 1; }
	$(BIN)/python -m pip install --quiet --no-compile --disable-pip-version-check --constraint constraints.txt --editable '.[embedded,test]'
	touch $@
