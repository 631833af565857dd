# make demo     complete real files in the terminal, with the embedded model
# make test     everything that CI runs, up to ghost text in real VS Code
# make vscode   open VS Code with the extension installed and a sample file
# make package  build vscode-extension/unmask.vsix
# make check    lint, format and type-check both languages
# make bench    the measurements of the README
# make soak     ten thousand random edits and requests through the real server
#
# Every target sets up what it needs: a virtual environment in .venv, the model in the user's cache
# folder, Node packages and a local VS Code in .tools. The second run takes seconds.

PYTHON ?= python3
BIN := .venv/bin
TOOLS := $(BIN)/python vscode-extension/scripts/toolchain.py
HOLES ?= HumanEval-SingleLineInfilling.jsonl.gz

.PHONY: demo test unit vscode package check bench soak model clean
.DELETE_ON_ERROR:

demo: model
	@$(BIN)/unmask demo

# The stamp is written last: an interrupted installation is done again.
.venv/.installed: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and \
	    "Unmask needs Python 3.11 or newer: set PYTHON=/path/to/python3.11")'
	@$(PYTHON) -m venv .venv || { echo "Python has no venv module: apt-get install python3-venv"; exit 1; }
	@echo "installing Python packages (torch alone is 200 MB) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]' || { \
	    echo "the packages could not be installed: connect to the network and run make again"; exit 1; }
	@touch $@

model: .venv/.installed
	@$(BIN)/unmask model fetch

test: check model
	@$(TOOLS) install
	@$(TOOLS) npm run -s test
	@$(BIN)/python -m pytest

unit: .venv/.installed
	@$(BIN)/python -m pytest -m "not model and not e2e"

check: .venv/.installed
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(TOOLS) npm run -s check

vscode: model
	@$(BIN)/python vscode-extension/scripts/open_vscode.py

package: .venv/.installed
	@$(TOOLS) package

bench: model
	@$(BIN)/unmask bench structure
	@$(BIN)/unmask bench latency
	@$(BIN)/unmask bench peers
	@if test -f "$(HOLES)"; then $(BIN)/unmask bench infill --data "$(HOLES)"; \
	    else echo "bench infill is left out: set HOLES to a file of HumanEval-Infilling"; fi

soak: model
	@$(BIN)/python -m tests.soak --edits 10000

clean:
	@rm -rf .venv .tools vscode-extension/node_modules vscode-extension/out
