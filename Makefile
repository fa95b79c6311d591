# make demo: install into .venv, train and test a small network on the built-in synthetic survey
# make test: install into .venv, check the style and run the tests
# make docs: install into .venv, build the documentation into site/; warnings are errors
PYTHON ?= python3
VENV ?= .venv
RUN = $(VENV)/bin/python
DEMO = configs/ccnet_salt_quick.py
DEMO_DIR = work_dirs/ccnet_salt_quick
# mixed precision where the machine has it
AMP = from mmattn.cli.amp import amp_settings; print('--amp' if amp_settings() else '')

.PHONY: install demo test docs

install: $(VENV)/installed

$(VENV)/installed: setup.py constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(RUN) -m pip install -c constraints.txt torch
	$(RUN) -m pip install -c constraints.txt -e '.[onedl,test]'
	touch $@

demo: install
	env -u SALT_DATA $(RUN) tools/train.py $(DEMO) $$($(RUN) -c "$(AMP)")
	env -u SALT_DATA $(RUN) tools/test.py $(DEMO) "$$(cat $(DEMO_DIR)/last_checkpoint)"

test: install
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .
	$(RUN) -m pytest -n auto --maxprocesses 4 --max-worker-restart 1 --dist loadfile

docs: install
	$(RUN) -m pip install -c constraints.txt -e '.[onedl,docs]'
	NO_MKDOCS_2_WARNING=1 $(RUN) -m mkdocs build --strict
