# SPDX-License-Identifier: Apache-2.0
PYTHON ?= python3
KIOSK = .venv/bin/kiosk

.PHONY: demo office test test-slow test-power lint locks venv venv-office venv-dev clean

demo: venv  ## the kiosk on a rendered counter, at http://127.0.0.1:8080
	@$(KIOSK) demo $(ARGS)

office: venv-office  ## what head office needs: workshops, signing, buckets, a shared database

test: venv-dev  ## every test; browser tests need Chromium and say so when it is missing
	@.venv/bin/python -m pytest -m "not slow" $(ARGS)

test-slow: venv-dev  ## the proofs that take minutes
	@.venv/bin/python -m pytest -m slow $(ARGS)

test-power: venv-dev  ## power cuts on a real ext4 image; as root, where loop devices may be mounted
	@.venv/bin/python -m pytest -m slow tests/test_store_ext4.py $(ARGS)

lint: venv-dev
	@.venv/bin/ruff check kiosk tools tests
	@.venv/bin/ruff format --check kiosk tools tests
	@.venv/bin/mypy

venv:
	@$(PYTHON) tools/setup.py

venv-office:
	@$(PYTHON) tools/setup.py --office

venv-dev:
	@$(PYTHON) tools/setup.py --dev

locks:  ## newest versions that pyproject.toml allows, with hashes, for every platform
	.venv/bin/python -m pip install --quiet uv
	.venv/bin/uv pip compile -q --universal --generate-hashes --no-header --python-version 3.11 --upgrade pyproject.toml -o tools/locks/run.txt
	.venv/bin/uv pip compile -q --universal --generate-hashes --no-header --python-version 3.11 --upgrade -c tools/locks/run.txt --extra office pyproject.toml -o tools/locks/office.txt
	.venv/bin/uv pip compile -q --universal --generate-hashes --no-header --python-version 3.11 --upgrade -c tools/locks/run.txt -c tools/locks/office.txt --extra dev pyproject.toml -o tools/locks/dev.txt
	.venv/bin/uv pip compile -q --universal --generate-hashes --no-header --python-version 3.11 --upgrade tools/locks/build.in -o tools/locks/build.txt
	.venv/bin/uv pip compile -q --universal --generate-hashes --no-header --python-version 3.11 --upgrade -c tools/locks/run.txt tools/locks/pi.in -o tools/locks/pi.txt

clean:
	rm -rf .venv demo-state build dist
