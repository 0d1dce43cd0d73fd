# The machine needs python3 (3.11 or later) and make; everything else is set up in .venv on first use.

VENV := .venv
BIN := $(VENV)/bin
TARGETS ?= onnxruntime:cpu openvino:cpu openvino-default reference
SUITE ?= all
JOBS ?= 2
ifndef OUT
OUT := results/$(shell date -u +%Y-%m-%d-%H%M%S)
endif
export PYRIGHT_PYTHON_IGNORE_WARNINGS := 1

.PHONY: help soak power models conform conform-all test test-fast lint bench keep support constraints clean
.DEFAULT_GOAL := help

help: ## This list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1  \2/p' $(MAKEFILE_LIST) | sed 's/^\(  make [a-z-]*\)  /\1:\t/' | expand -t 20

conform: $(VENV)/ready-all ## Judge the devices of this machine: TARGETS, SUITE, JOBS, OUT
	@$(BIN)/hal conform $(TARGETS) --suite $(SUITE) -j $(JOBS) -o $(OUT)

conform-all: $(VENV)/ready-every ## The standard suite on every target that is here; 300 cases where slow
	@$(BIN)/hal conform --here --suite onnx --sample-slow 300 -j $(JOBS) -o $(OUT)

soak: $(VENV)/ready-all ## Repeat cases 300 times, with threads: what is not deterministic
	@$(BIN)/hal conform $(TARGETS) --suite soak -j 1 -o $(OUT)

models: $(VENV)/ready-all ## Judge pretrained models on real inputs; downloads them
	@$(BIN)/hal conform $(TARGETS) --suite models -j 1 -o $(OUT)

power: $(VENV)/ready-dev ## How many planted faults the suites notice
	@mkdir -p results
	@$(BIN)/hal power run -o results/power.jsonl

test: lint ## Every gate: ruff, mypy, pyright, all tests
	@$(BIN)/python -m pytest

test-fast: $(VENV)/ready-dev ## The tests that are not marked slow, without the other gates
	@$(BIN)/python -m pytest -m "not slow"

lint: $(VENV)/ready-dev ## ruff, mypy, pyright
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy
	@$(BIN)/pyright

bench: $(VENV)/ready-dev ## The benchmarks, one after another
	@for file in benchmarks/*.py; do echo "== $$file"; $(BIN)/python $$file || exit 1; done

keep: ## Put a run into docs/results, packed: make keep FROM=results/x AS=2026-01-31-name
	@mkdir -p docs/results/$(AS)
	@cp $(FROM)/run.json docs/results/$(AS)/
	@for file in results index; do gzip -9nc $(FROM)/$$file.jsonl > docs/results/$(AS)/$$file.jsonl.gz; done

support: $(VENV)/ready-all ## Write the pages and tables that are made from committed results
	@$(BIN)/python -m hal_conformance.report.table docs/results/*/ --write README.md
	@$(BIN)/python -m hal_conformance.report.findings docs/results/*/ --write docs/findings.md
	@$(BIN)/python -m hal_conformance.report.vendors docs/results --write docs/vendors.md
	@$(BIN)/python examples/everywhere.py --page docs/everywhere.json > docs/everywhere.md
	@$(BIN)/python -m hal_conformance.agreement show docs/results/agreement-*.json.gz --write docs/tensorrt.md

constraints: $(VENV)/ready-dev ## Upgrade everything in .venv and write the versions to constraints.txt
	@$(BIN)/python -m pip install --quiet --upgrade --upgrade-strategy eager --editable '.[dev]'
	@{ sed -n '/^#/p' constraints.txt; $(BIN)/python -m pip freeze --exclude-editable; } > constraints.new
	@mv constraints.new constraints.txt

clean: ## Remove .venv and what tools left; results/ stays
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/ready-all: pyproject.toml .ci/setup
	@.ci/setup all

$(VENV)/ready-every: pyproject.toml .ci/setup
	@.ci/setup every

$(VENV)/ready-dev: pyproject.toml constraints.txt .ci/setup
	@.ci/setup dev
