# GNU make 3.81 and BSD make. What the targets need is installed by the first of them that runs.
SETTINGS = PYTHON='$(PYTHON)' CLEANROOM_HOME='$(CLEANROOM_HOME)' HOST='$(HOST)' PORT='$(PORT)'

help:
	@echo 'make run      install what is missing and serve the wizard on 127.0.0.1:8501 (PORT=, HOST=, CLEANROOM_HOME=)'
	@echo 'make install  make .venv with the command .venv/bin/cleanroom (PYTHON=)'
	@echo 'make test     everything that must pass: the checks, then all tests, browser included'
	@echo 'make check    ruff, mypy, import-linter'
	@echo 'make bench    the benchmarks, one after another'

install:
	@$(SETTINGS) sh ./install.sh

run: install
	@$(SETTINGS) .venv/bin/cleanroom serve

test: check
	@sh ./test.sh

check: install
	.venv/bin/ruff check
	.venv/bin/ruff format --check
	.venv/bin/mypy
	.venv/bin/lint-imports

bench: install
	@for file in benchmarks/[a-z]*.py; do [ -f "$$file" ] || continue; echo "== $$file"; .venv/bin/python "$$file" || exit 1; done

.PHONY: help install run test check bench
