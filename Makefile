.PHONY: help run test test-all check format lock pictures site texts

help: ## List every target with one sentence
	@grep -E '^[a-z-]+:.*##' Makefile | sed 's/:.*## /\t/' | expand -t 12

run: ## Run everything on this machine
	./deskjob up

test: ## Run the suite, in under four minutes on two cores
	./deskjob test

test-all: ## Run the suite with its exhaustive part
	./deskjob test --all

check: ## Check style, layout, layers and types
	./deskjob test --all tests/test_architecture.py tests/test_tree.py tests/test_templates.py

format: ## Lay out the code
	.venv/bin/python -m ruff check --fix . && .venv/bin/python -m ruff format .

lock: ## Resolve requirements into the hashed locks (needs uv)
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-annotate \
	  --custom-compile-command "make lock" requirements.in -o requirements.txt
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-annotate \
	  --custom-compile-command "make lock" requirements-dev.in -o requirements-dev.txt
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-annotate \
	  --custom-compile-command "make lock" requirements-docs.in -o requirements-docs.txt

pictures: ## Take the pictures of the documentation
	PYTHONPATH=. .venv/bin/python docs/pictures.py

site: ## Build the documentation as a site with search, in var/site
	test -d var/site-env || python3 -m venv var/site-env
	var/site-env/bin/pip install -q --require-hashes -r requirements-docs.txt
	var/site-env/bin/zensical build --strict

texts: ## Bring the catalogues up to date with the code, and compile them
	PYTHONPATH=. .venv/bin/pybabel -q extract -F babel.cfg -k lazy_gettext -k lazy_ngettext:1,2 -k _l -k english --add-location file --sort-by-file \
	  --omit-header -o webapp/translations/messages.pot .
	.venv/bin/pybabel -q update -i webapp/translations/messages.pot -d webapp/translations -l de \
	  --no-fuzzy-matching --ignore-obsolete --ignore-pot-creation-date --width 110
	rm webapp/translations/messages.pot
	.venv/bin/pybabel -q compile -d webapp/translations
