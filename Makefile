# Everything sets itself up in .venv: `make demo` needs only Python 3.10-3.13, `make test` the training packages too.

SOURCE ?= synthetic:7
OUT ?= out/demo
PYTHON ?= python3
BIN := .venv/bin
SETUP := setup.py pyproject.toml
CUDA := $(shell find perception -name '*.cu')

.PHONY: demo test lint types cuda unit clean

demo: .venv/runtime
	$(BIN)/perception run "$(SOURCE)" --out "$(OUT)"

test: lint types cuda unit

lint: .venv/everything
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: .venv/everything
	$(BIN)/mypy perception calibration deploy

# Without nvcc the kernels are still checked: the tests compile them with g++.
cuda:
	@if [ -z "$(CUDA)" ]; then \
	    echo "cuda: there are no kernels to compile"; \
	elif command -v nvcc >/dev/null; then \
	    for file in $(CUDA); do \
	        echo "nvcc $$file"; nvcc -arch=all-major -Xptxas -v -c "$$file" -o /dev/null || exit 1; \
	    done; \
	else \
	    echo "cuda: skipped, there is no nvcc on this machine"; \
	fi

unit: .venv/everything
	$(BIN)/pytest

.venv/bin/python:
	@$(PYTHON) -m venv .venv || { \
	    echo "expected Python 3.10-3.13 with venv; on Debian: apt install python3-venv" >&2; rm -rf .venv; exit 1; }

# Stamps: nothing is installed again until the requirements change.
.venv/runtime: $(SETUP) | .venv/bin/python
	$(BIN)/pip install --quiet --disable-pip-version-check -e .
	$(BIN)/python -m perception.kernels
	@touch $@

.venv/everything: $(SETUP) | .venv/bin/python
	$(BIN)/pip install --quiet --disable-pip-version-check -e '.[train,dev]'
	@touch $@ .venv/runtime

clean:
	rm -rf .venv build dist out *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
