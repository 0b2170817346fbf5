# Every target works from a clean checkout: whichever comes first sets up .venv.

PYTHON ?=
PY = .venv/bin/python

# Where this is set, each of some thousand processes that the tests start would compile the kit anew.
export PYTHONDONTWRITEBYTECODE =

.PHONY: help setup demo test lab check notebooks pages student teacher comparison test-pythons notebooks-pythons proof bench clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-18s %s\n", $$1, $$2 }' Makefile
	@echo 'PYTHON=... names the interpreter to make .venv from; default: the first Python >= 3.11 on PATH.'

# Not a file target: the script also sees a moved checkout and an interpreter that is gone.
setup:
	@PYTHON='$(PYTHON)' sh tools/setup.sh

demo: setup ## see a cancelled program drawn, in under a minute
	@$(PY) tools/demo.py

# Six at a time, for much of it is waiting, and in the order of tests/conftest.py. A file's tests share what is costly to
# prepare, so they stay together.
test: setup ## run the tests, and the notebooks against their stored outputs
	@$(PY) -m pytest -n 6 --dist loadfile --no-loadscope-reorder --nbval --nbval-current-env

lab: setup ## open the notebooks in JupyterLab
	@$(PY) -m jupyterlab notebooks

check: setup ## lint, formatting, types, spelling
	$(PY) -m ruff check
	$(PY) -m ruff format --check
	$(PY) -m mypy
	$(PY) -m codespell_lib

notebooks: setup ## run the notebooks; store their outputs, and the recorded runs
	@$(PY) tools/notebooks.py

pages: setup ## make the printable page of each pattern, in docs/pages
	@$(PY) tools/pages.py

student: setup ## build the students' edition of the notebooks: no outputs, no solutions
	@$(PY) tools/editions.py student

teacher: setup ## build the teachers' edition: solutions in their places, and what the checks say
	@$(PY) tools/editions.py teacher

comparison: setup ## measure again which library keeps which promise, and write docs/comparison.md
	@$(PY) tools/comparison.py

test-pythons: setup ## run the core tests on each other Python found
	@sh tools/test_pythons.sh core

notebooks-pythons: setup ## compare the notebooks with their stored outputs on each other Python found
	@sh tools/test_pythons.sh notebooks

proof: setup ## tests, notebooks and more again and again while every core is kept busy (hours)
	@$(PY) tools/proof.py

bench: ## run the benchmarks, beside other tools, in .venv-bench (ten minutes)
	@PYTHON='$(PYTHON)' sh tools/setup.sh .venv-bench -e '.[bench]'
	@for name in import_time recording experiment jobs drawing; do echo "== $$name"; .venv-bench/bin/python benchmarks/$$name.py || exit 1; done

clean: ## remove .venv, build and all caches
	rm -rf .venv .venv-* build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage .coverage.*
	find . -type d \( -name __pycache__ -o -name .ipynb_checkpoints \) -prune -exec rm -rf {} +
