import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from webapp import jobs, jobtypes

FOLDER = Path(jobtypes.__file__).parent
EXAMPLES = ("dataset_report", "job_history_export", "user_import", "tables")  # people copy these


def imports(path: Path) -> Iterator[tuple[str, str]]:
    """Yield each module that a file imports from, and the name."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            yield from ((node.module or "", alias.name) for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names)


def is_public(module: str) -> bool:
    known = {"webapp.jobs", "webapp.user_policy", "webapp.catalogues", "webapp.formula_escape"}
    return module in known or module.startswith(("webapp.accounts", "webapp.jobtypes"))


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_job_types_that_people_copy_use_the_public_names_only(name: str) -> None:
    files = list((FOLDER / name).rglob("*.py"))
    found = {module for path in files for module, _ in imports(path) if module.startswith("webapp")}
    assert files
    assert [module for module in found if not is_public(module)] == []


def test_no_job_type_imports_a_public_name_from_where_it_is_defined() -> None:
    found = [
        (path.name, module, name)
        for path in FOLDER.rglob("*.py")
        for module, name in imports(path)
        if module.startswith("webapp.jobs.") and name in jobs.__all__
    ]
    assert found == []
