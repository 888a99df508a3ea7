# Everything a clone needs, from a machine with Python 3.11+, Node.js 20+, git and make.
# `make help` lists the commands. Works from any folder: make -C path/to/clone demo

ROOT := $(shell cd '$(dir $(lastword $(MAKEFILE_LIST)))' && pwd -P)

ifneq ($(CURDIR),$(ROOT))
# called by -f from elsewhere: go to the clone first
.DEFAULT_GOAL := help
%:
	@$(MAKE) --no-print-directory -C '$(ROOT)' $@
else

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory
.NOTPARALLEL:

BIN := .venv/bin
STAMPS := .venv/stamps
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt
# tests wait for blocks half of their time: more processes than the two cores that they need
WORKERS := 4
SAY := @printf '\033[1m· %s\033[0m\n'

# the environment of a clone that was moved points to its old place: make it anew
ifneq ($(wildcard $(STAMPS)/root),)
ifneq ($(shell cat $(STAMPS)/root),$(ROOT))
$(shell rm -rf .venv)
endif
endif

.PHONY: help
help: ## list these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-18s %s\n", $$1, $$2}' Makefile

.PHONY: demo
demo: $(STAMPS)/core $(STAMPS)/node ## run one dividend over four ledgers, installs included
	@exec $(BIN)/pari demo

.PHONY: setup
setup: $(STAMPS)/core $(STAMPS)/node $(STAMPS)/dev $(STAMPS)/solc $(STAMPS)/hyperlane ## install everything into .venv and node_modules
	@echo 'Ready: $(BIN)/pari --help'

# ------------------------------------------------------------------ tests

.PHONY: test
test: setup checks pytest ## install and run all tests
	$(SAY) 'all tests passed'

.PHONY: checks
checks: setup ## all tests but pytest's, two at a time
	@MAKE='$(MAKE)' $(BIN)/python tools/side_by_side.py 'artefacts-check brownie-test' 'lint typecheck forge'

.PHONY: lint
lint: $(STAMPS)/dev ## ruff over all Python
	$(SAY) 'ruff'
	@$(BIN)/ruff check .
	@$(BIN)/python tools/error_catalogue.py --check
	@$(BIN)/python tools/denial_matrix.py --check
	@$(BIN)/python tools/permissions.py --check

.PHONY: error-catalogue
error-catalogue: $(STAMPS)/dev ## write docs/errors.md from the error classes
	@$(BIN)/python tools/error_catalogue.py

.PHONY: denial-matrix
denial-matrix: $(STAMPS)/dev ## write docs/denial-matrix.md from the table that the tests walk
	@$(BIN)/python tools/denial_matrix.py

.PHONY: permissions
permissions: $(STAMPS)/dev ## write docs/permissions.md: who may call what
	@$(BIN)/python tools/permissions.py

.PHONY: typecheck
typecheck: $(STAMPS)/dev ## mypy, strict
	$(SAY) 'mypy'
	@$(BIN)/mypy

.PHONY: artefacts
artefacts: $(STAMPS)/dev $(STAMPS)/solc ## compile contracts/ into the package
	$(SAY) 'compile contracts'
	@$(BIN)/python tools/build_artefacts.py

.PHONY: artefacts-check
artefacts-check: $(STAMPS)/dev $(STAMPS)/solc ## prove that the package's artefacts come from contracts/
	$(SAY) 'artefacts against sources'
	@$(BIN)/python tools/build_artefacts.py --check

.PHONY: forge
forge: $(STAMPS)/core $(STAMPS)/solc ## unit, fuzz and invariant tests in Solidity
	$(SAY) 'forge'
	@$(BIN)/python tools/forge.py test

.PHONY: campaign
campaign: $(STAMPS)/node $(STAMPS)/dev $(STAMPS)/solc ## millions of random acts on contracts and core; takes half an hour
	$(SAY) 'stateful campaign'
	@$(BIN)/python tools/campaign.py

.PHONY: mutation-python
mutation-python: $(STAMPS)/mutation ## small faults in the core that no test notices; takes an hour
	$(SAY) 'mutants of the core'
	@$(BIN)/python tools/mutate_python.py

.PHONY: slither
slither: $(STAMPS)/solc $(STAMPS)/verify ## static analysis of contracts/; any finding without a reason fails
	$(SAY) 'slither'
	@$(BIN)/python tools/slither.py

.PHONY: halmos
halmos: $(STAMPS)/solc $(STAMPS)/verify ## prove supply, freeze and verdict symbolically; takes minutes
	$(SAY) 'halmos'
	@$(BIN)/python tools/halmos.py

.PHONY: mutation-contracts
mutation-contracts: $(STAMPS)/solc ## plant small faults in contracts/ and see which tests notice; takes hours
	$(SAY) 'mutation of the contracts'
	@$(BIN)/python tools/mutate_contracts.py --resume

.PHONY: pytest
pytest: $(STAMPS)/node $(STAMPS)/dev $(STAMPS)/solc $(STAMPS)/hyperlane ## unit, property, integration and acceptance tests
	$(SAY) 'pytest: unit, property, integration, acceptance'
	@$(BIN)/python -m pytest -q --numprocesses $(WORKERS) --dist loadfile

.PHONY: brownie-test
brownie-test: $(STAMPS)/node $(STAMPS)/dev $(STAMPS)/solc ## contract tests in Brownie, on Anvil and on Ganache
	$(SAY) 'brownie test on Anvil'
	@$(BIN)/brownie test
	$(SAY) 'brownie test on Ganache'
	@$(BIN)/brownie test --network ganache-local

.PHONY: bench-gas
bench-gas: $(STAMPS)/node $(STAMPS)/dev $(STAMPS)/solc $(STAMPS)/bench ## measure gas beside the peers: bench/results, docs/gas.md
	$(SAY) 'gas, ours beside the peers'
	@$(BIN)/python -m bench.gas
	@$(BIN)/python -m bench.report

.PHONY: bench-bridge
bench-bridge: $(STAMPS)/node $(STAMPS)/dev $(STAMPS)/solc $(STAMPS)/bench ## measure what a message between ledgers costs, and how fast it goes: bench/results, docs/bridge-gas.md, docs/bridge-run.md
	$(SAY) 'gas of the bridge, ours beside the peers'
	@$(BIN)/python -m bench.bridge
	@$(BIN)/python -m bench.bridge_report
	$(SAY) 'the bridge at work, ours beside the peers; keep the machine free for it'
	@$(BIN)/python -m bench.run
	@$(BIN)/python -m bench.run_report

# ------------------------------------------------------------------ upkeep

.PHONY: wheel
wheel: $(STAMPS)/dev ## build dist/*.whl, artefacts inside
	@rm -rf dist
	@$(BIN)/python -m build --wheel --no-isolation >/dev/null
	@ls dist/*.whl

.PHONY: constraints
constraints: $(STAMPS)/dev ## pin what is installed now in constraints.txt
	@$(BIN)/python tools/pin.py > constraints.new && mv constraints.new constraints.txt

.PHONY: clean
clean: ## stop local nodes; remove all that make has made
	@if [ -x $(BIN)/pari ] && [ -e .pari/devnet.json ]; then $(BIN)/pari down; fi
	@rm -rf .venv .venv-verify node_modules bench/node_modules bench/running/axelar/node_modules
	@rm -rf tools/hyperlane/node_modules .pari build dist out cache reports
	@rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# ------------------------------------------------------------------ installation
# Stamps: each step runs again only when what it reads has changed.

$(STAMPS)/venv:
	$(SAY) 'Python environment .venv'
	@PYTHON=$$(sh tools/find_python.sh) && "$$PYTHON" -m venv .venv
	@mkdir -p $(STAMPS) && echo '$(ROOT)' > $(STAMPS)/root && touch $@

$(STAMPS)/core: $(STAMPS)/venv pyproject.toml constraints.txt
	$(SAY) 'Python packages of pari'
	@$(PIP) --editable .
	@touch $@

$(STAMPS)/node: $(STAMPS)/venv package.json package-lock.json
	$(SAY) 'Node.js packages: nodes, compiler, contract library'
	@sh tools/check_node.sh
	@npm ci --no-audit --no-fund --loglevel=error >/dev/null
	@touch $@

$(STAMPS)/hyperlane: $(STAMPS)/venv tools/hyperlane/package.json tools/hyperlane/package-lock.json
	$(SAY) 'Hyperlane, for local networks whose lanes go over it'
	@sh tools/check_node.sh
	@npm --prefix tools/hyperlane ci --ignore-scripts --no-audit --no-fund --loglevel=error >/dev/null
	@touch $@

$(STAMPS)/dev: $(STAMPS)/core
	$(SAY) 'Python packages for development, Brownie among them'
	@$(PIP) --editable '.[dev,brownie]'
	@$(BIN)/python tools/setup_brownie.py
	@touch $@

$(STAMPS)/solc: $(STAMPS)/dev $(STAMPS)/node tools/setup_solc.py tools/solc/solc.js
	$(SAY) 'Solidity compiler'
	@$(BIN)/python tools/setup_solc.py
	@touch $@

$(STAMPS)/verify: $(STAMPS)/venv constraints-verify.txt
	$(SAY) 'Python packages of the verification tools, in .venv-verify'
	@$(BIN)/python -m venv --clear .venv-verify
	@.venv-verify/bin/python -m pip install --quiet --disable-pip-version-check \
	  --constraint constraints-verify.txt slither-analyzer halmos
	@touch $@

$(STAMPS)/mutation: $(STAMPS)/dev
	$(SAY) 'packages for mutation testing of Python'
	@$(PIP) --editable '.[mutation]'
	@touch $@

$(STAMPS)/bench: $(STAMPS)/dev bench/package.json bench/package-lock.json bench/running/axelar/package-lock.json
	$(SAY) 'packages of the peers that the bench measures'
	@$(PIP) --editable '.[bench]'
	@sh tools/check_node.sh
	@npm --prefix bench ci --ignore-scripts --no-audit --no-fund --loglevel=error >/dev/null
	@npm --prefix bench/running/axelar ci --ignore-scripts --no-audit --no-fund --loglevel=error >/dev/null
	@touch $@

endif
