# Each target sets up what it needs, once: a virtual environment in .venv with everything in requirements.txt.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: train test app style bench pdf clean

train: $(READY)
	@trap '' INT; ACCELERATE_LOG_LEVEL=ERROR $(BIN)/accelerate launch --quiet train/run.py $(ARGS)

test: $(READY)
	@OMP_NUM_THREADS=1 $(BIN)/pytest -n auto $(ARGS)

app: $(READY)
	@$(BIN)/python space/app.py $(ARGS)

style: $(READY)
	@$(BIN)/ruff check .

bench: $(READY)
	@$(BIN)/python benchmarks/throughput.py
	@$(BIN)/python benchmarks/grad_norm_overhead.py

pdf: $(READY)
	@$(BIN)/python eval/document.py docs/templates/*.md
	@$(BIN)/python eval/pdf.py docs/safety_reliability.md $(ARGS)

$(READY): requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed: make $(MAKECMDGOALS) PYTHON=python3.11"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

clean:
	rm -rf $(VENV) build *.egg-info
