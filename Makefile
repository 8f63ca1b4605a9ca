# Needs Python 3.11 to 3.13 (with venv), make and a network for the packages. `make demo` serves the page, `make example`
# runs the whole chain without one.
VENV    := .venv
PY      := $(VENV)/bin/python
STAMP   := $(VENV)/.installed
EXAMPLE := assets/examples/fox_yard
RUN     := runs/fox_yard

# Tried in this order by running them, as a name on the PATH may be a shim with nothing behind it.
PYTHON  := python3.11 python3.12 python3.13 python3 python

# On Linux PyPI's torch brings 4 GB of CUDA. Without NVIDIA's driver it is taken from here first; where that fails, from
# PyPI with the rest.
CPU_TORCH := https://download.pytorch.org/whl/cpu

.PHONY: setup test test-slow test-failed test-all test-cuda coverage lint types demo example clean

setup: $(STAMP)

$(STAMP): requirements.txt requirements-dev.txt
	@found=; for python in $(PYTHON); do \
	  "$$python" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null && found=$$python && break; \
	done; \
	if [ -z "$$found" ]; then echo "No Python 3.11, 3.12 or 3.13 found. Install one, or name it: make PYTHON=/path/to/python" >&2; exit 1; fi; \
	[ -x $(PY) ] || "$$found" -m venv $(VENV) || { rm -rf $(VENV); echo "On Debian: apt install python3-venv" >&2; exit 1; }
	@echo "Installing what requirements.txt and requirements-dev.txt name; the first time takes minutes."
	@[ "$$(uname)" != Linux ] || command -v nvidia-smi >/dev/null || \
	  $(PY) -m pip install --quiet --disable-pip-version-check --no-deps --retries 0 --timeout 20 --index-url $(CPU_TORCH) \
	    "$$(grep ^torch== requirements.txt)" 2>/dev/null || echo "torch without CUDA was not to be had: PyPI's is taken."
	@$(PY) -m pip install --quiet --disable-pip-version-check -r requirements.txt -r requirements-dev.txt
	@NUMBA_CACHE_DIR=.numba_cache $(PY) tests/kernels.py
	@touch $@

lint: setup
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check --quiet .

# A minute the first time, seconds after that.
types: setup
	@$(PY) -m mypy

# What is slow waits for test-all; what needs a GPU for test-cuda. Two processes that take each other's work, and whose
# compiled code is kept, whatever the machine says: a third of the time that it takes them to begin.
PYTEST  := PYTHONDONTWRITEBYTECODE= $(PY) -m pytest -q -n 3 --dist worksteal

test: lint
	@$(PYTEST) -m "not slow and not cuda"

test-slow: setup
	@$(PYTEST) -m "slow and not cuda"

# What failed the last time, one after the other; an error where nothing had.
test-failed: setup
	@$(PY) -m pytest -q --last-failed --last-failed-no-failures none -m "not cuda"

test-all: lint
	@$(PYTEST) -m "not cuda"

# All of it once more, slower, with the lines that it ran: in processes of its own as well, where those end by themselves.
coverage: setup
	@$(PYTEST) -m "not cuda" --cov --cov-report=term:skip-covered

# What computes, on a GPU; skipped where there is none. gsplat compiles on first use, for this machine's card alone; what
# compilers and drivers warn of does not fail a test.
test-cuda: setup
	@$(PY) -m pytest -q -W default -m cuda tests

demo: setup
	@$(PY) app.py

example: setup
	$(PY) -m fourreal reconstruct --reference $(EXAMPLE)/reference.mp4 --freeze $(EXAMPLE)/freeze.mp4 \
	  --cameras $(EXAMPLE)/cameras.json --out $(RUN)
	$(PY) -m fourreal export $(RUN) --format mp4 --trajectory orbit --out $(RUN)/orbit.mp4

clean:
	rm -rf $(VENV) .pytest_cache .ruff_cache .mypy_cache .numba_cache runs/fox_yard
	find fourreal tests -name __pycache__ -type d -prune -exec rm -rf {} +
