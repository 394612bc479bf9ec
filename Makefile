# make demo   makes .venv, dubs the bundled clip, prints where the result is and how long it took
# make test   the same set-up, then the default test suite, in two processes (PROCESSES=N for more)
# make lint   ruff and mypy
# make docs   the documentation with an API reference, as pages that need no network: site/index.html
# make results EVAL_DIR=FOLDER   measures the shipped models on recordings of unseen speakers: the tables and the
#             picture of docs/results.md; hours, of which a second run repeats none (RESULTS="--models NAME" for others)
#
# Everything but Python itself comes from the package index; nothing is downloaded after the installation.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.tested-set

PROCESSES ?= 2
EVAL_DIR ?=
RESULTS ?=

.PHONY: demo test test-all lint docs results clean

demo: $(READY)
	$(BIN)/visavox demo

test: $(READY)
	$(BIN)/python -m pytest -n $(PROCESSES) --dist loadgroup

# Every test but those that need a CUDA device: those that take minutes too.
test-all: $(READY)
	$(BIN)/python -m pytest -n $(PROCESSES) --dist loadgroup -m "not gpu"

lint: $(READY)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

docs: $(READY)
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict --quiet

results: $(READY)
	$(BIN)/python -m benchmarks.results $(EVAL_DIR) $(RESULTS)

$(READY): pyproject.toml constraints.txt tools/set_up.py
	$(PYTHON) tools/set_up.py $(VENV)

clean:
	rm -rf $(VENV) build dist site .pytest_cache .mypy_cache .ruff_cache
