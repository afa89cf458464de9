# make demo: run CPJUMP1 and cell-type annotation on the embedded examples; make test: run all tests;
# make fast: those that take less than a minute together; make lowest: these with the lowest declared versions;
# make soak: mutated files and killed runs, MINUTES each (10), with SEED (0);
# make pandas3: those of tables and of copairs' functions with pandas 3.
# Each makes its own virtual environment (.venv) when there is none. Needs Python 3.11 or newer.
PYTHON ?= python3
BIN := .venv/bin

# All cores: each worker takes tests from the others when it has none left.
PYTEST := python -m pytest -n auto --maxprocesses 8 --dist worksteal

.PHONY: demo test fast lowest pandas3 soak lint bench clean

demo: .venv/installed
	$(BIN)/fastbench cpjump --output results/demo --overwrite
	$(BIN)/fastbench fmeasure --output-dir results/fmeasure --overwrite
	@echo "Results: results/demo and results/fmeasure (tables, figures/, manifest.json)"

test: .venv/installed-test
	$(BIN)/$(PYTEST)

fast: .venv/installed-test
	$(BIN)/$(PYTEST) -m fast

lowest: .venv-lowest/installed
	.venv-lowest/bin/$(PYTEST) -m fast

pandas3: .venv-pandas3/installed
	.venv-pandas3/bin/$(PYTEST) tests/engine/tables tests/engine/retrieval tests/engine/map tests/engine/fmeasure/test_api.py

MINUTES ?= 10
SEED ?= 0
soak: .venv/installed-test
	$(BIN)/python -W ignore -m tests.soak.fuzz --minutes $(MINUTES) --seed $(SEED)
	$(BIN)/python -W ignore -m tests.soak.kills --minutes $(MINUTES) --seed $(SEED)

lint: .venv/installed-dev
	$(BIN)/ruff check . && $(BIN)/ruff format --check .
	@mkdir -p .venv/types && ln -sfn "$(CURDIR)" .venv/types/fastbench
	MYPYPATH=.venv/types $(BIN)/mypy -p fastbench.kernels -p fastbench.engine -p fastbench.cli

bench: .venv/installed-bench
	$(BIN)/fastbench bench

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; set PYTHON=python3.11")'
	$(PYTHON) -m venv .venv

.venv/installed: .venv/bin/python pyproject.toml
	$(BIN)/python -m pip install --quiet --editable .
	@touch $@

.venv/installed-%: .venv/bin/python pyproject.toml
	$(BIN)/python -m pip install --quiet --editable ".[$*]"
	@touch .venv/installed $@

# The lower bounds that pyproject.toml declares, exactly; they have wheels for Python 3.11 and 3.12.
.venv-lowest/installed: pyproject.toml
	$(PYTHON) -m venv .venv-lowest
	.venv-lowest/bin/python -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["project"]["dependencies"], sep="\n")' \
		| sed 's/>=/==/' > .venv-lowest/lowest.txt
	echo 'numcodecs<0.16' >> .venv-lowest/lowest.txt  # zarr 2.18 imports what 0.16 no longer has
	.venv-lowest/bin/python -m pip install --quiet --constraint .venv-lowest/lowest.txt --editable ".[test]"
	@touch $@

# copairs and the versions that CI pins are those of pandas 2.
.venv-pandas3/installed: pyproject.toml
	$(PYTHON) -m venv .venv-pandas3
	.venv-pandas3/bin/python -m pip install --quiet --editable ".[test]"
	.venv-pandas3/bin/python -m pip install --quiet --no-deps "pandas>=3"
	@touch $@

clean:
	rm -rf .venv .venv-lowest .venv-pandas3 results build *.egg-info .pytest_cache .ruff_cache .mypy_cache .hypothesis .benchmarks
