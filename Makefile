# Two commands: `make site` sets up and runs the main job on the embedded lab; `make test` runs what CI checks.
# Variables: ARGS for ansible-playbook (make site ARGS="--check --diff"), SUITES for make test (make test SUITES="units lint").
.DEFAULT_GOAL := help
# Unbuffered, Python reads a script from a pipe byte by byte, and as such Ansible sends each module.
export PYTHONUNBUFFERED :=
.PHONY: help setup site test test-all test-fast bench clean-lab

help: ## Show the commands
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 12

setup: ## Make the controller environments
	@tools/setup test

site: ## Set up, then ansible-playbook site.yml -i inventory
	@tools/setup site
	@PATH="$(CURDIR)/.venv/bin:$$PATH" ansible-playbook site.yml -i inventory $(ARGS)

test: ## Set up, then everything that CI checks
	@tools/setup test
	@.venv/bin/python tests/run.py $(SUITES)

test-all: ## Set up, then every suite: all cores, virtual machines, two lab nodes; some hours
	@tools/setup test
	@.venv/bin/python tests/run.py all

test-fast: ## Style of the sources and units under the newest Python, in two minutes
	@tools/setup test
	@.venv/bin/python tests/run.py fast

bench: ## Measure the modules and the wrapper
	@tools/setup test
	@.venv/bin/python tests/run.py bench

clean-lab: ## Remove the lab, leaving only the cache
	@tools/setup site
	@PATH="$(CURDIR)/.venv/bin:$$PATH" ansible-playbook lab/lab.yml -i inventory -e lab_state=absent $(ARGS)
