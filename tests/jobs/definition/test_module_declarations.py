import sys
from types import ModuleType

import pytest

from webapp.jobs.definition.module_declarations import declared_by

BODY = "import sys\nfrom webapp.jobs.definition.module_declarations import remember\n"
DECLARE = BODY + "def declare(what):\n    remember(what, sys._getframe(1))\n"


def executed(module: ModuleType, text: str) -> list[object]:
    exec(compile(text, module.__name__, "exec"), vars(module))
    return list(declared_by(module))


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    module = ModuleType("declares_something")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    return module


def test_declarations_are_remembered_in_their_order(module: ModuleType) -> None:
    assert executed(module, DECLARE + "declare(1)\nfor each in (2, 3): declare(each)\n") == [1, 2, 3]


def test_a_body_that_runs_again_forgets_its_first_run(module: ModuleType) -> None:
    executed(module, DECLARE + "declare(1)\n")
    assert executed(module, DECLARE + "declare(2)\n") == [2]


def test_what_is_declared_after_the_import_is_not_remembered(module: ModuleType) -> None:
    executed(module, DECLARE + "def later(): declare(1)\n")
    module.later()
    assert list(declared_by(module)) == []


def test_modules_below_belong_to_a_package(module: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    below, beside = ModuleType("declares_something.part"), ModuleType("declares_something_else")
    for number, each in enumerate((below, beside)):
        monkeypatch.setitem(sys.modules, each.__name__, each)
        executed(each, f"{DECLARE}declare({number})\n")
    assert list(declared_by(module)) == [0]
