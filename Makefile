# make serve: set up and serve the hello example. make test: set up and run the tests.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

.PHONY: serve test lint fuzz benchmark dist clean

serve: $(VENV)/.serve
	$(BIN)/gunicorn -k gevent examples.hello:app

test: $(VENV)/.test
	$(BIN)/python -m pytest

lint: $(VENV)/.lint
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

fuzz: $(VENV)/.fuzz
	$(BIN)/python tests/fuzz/fuzz_http1.py -max_total_time=20

benchmark: $(VENV)/.benchmark
	$(BIN)/python benchmarks/framework.py

dist: $(VENV)/.dist
	rm -rf build dist
	$(BIN)/python -m build --quiet

$(VENV)/.venv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Python 3.11 or newer is needed: make PYTHON=/path/to/python3" >&2; exit 1; }
	@# Debian keeps what venv needs in a package of its own; root can be spared the question.
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || { test "$$(id -u)" = 0 && command -v apt-get >/dev/null \
		&& apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -q -y python3-venv; } \
		|| { echo "Python's venv is not complete; on Debian, as root: apt-get install python3-venv" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.serve: $(VENV)/.venv pyproject.toml
	$(BIN)/pip install --quiet --editable .
	@touch $@

$(VENV)/.test: $(VENV)/.venv pyproject.toml
	$(BIN)/pip install --quiet --editable '.[test]'
	@touch $@

$(VENV)/.lint: $(VENV)/.venv pyproject.toml
	$(BIN)/pip install --quiet --editable '.[test,lint]'
	@touch $@

$(VENV)/.fuzz: $(VENV)/.venv pyproject.toml
	$(BIN)/pip install --quiet --editable '.[test,fuzz]'
	@touch $@

$(VENV)/.benchmark: $(VENV)/.venv pyproject.toml
	$(BIN)/pip install --quiet --editable '.[benchmark]'
	@touch $@

$(VENV)/.dist: $(VENV)/.venv
	$(BIN)/pip install --quiet build
	@touch $@

clean:
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
