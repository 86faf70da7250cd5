import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from importlib import import_module, invalidate_caches, reload
from itertools import count
from pathlib import Path

import pytest

from tests.exhaustive import exhaustive
from webapp.config import BadSettingError
from webapp.jobs.definition.module_loader import JobTypeModules
from webapp.jobs.definition.registry import Registry

numbers = count()
HEAD = """from pydantic import BaseModel
from webapp.jobs import job_type
class Sheet(BaseModel):
    pages: int = 1
"""
GOOD = HEAD + "@job_type('sheet', title='Sheet')\ndef sheet(job, payload: Sheet): ...\n"


class Printer:
    """A service."""


Write = Callable[[str], str]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Write a module that can be imported; return its name."""
    monkeypatch.syspath_prepend(tmp_path)

    def write(text: str) -> str:
        name = f"loaded_types_{next(numbers)}"
        (tmp_path / f"{name}.py").write_text(text)
        return name

    return write


def load(*names: str) -> Registry:
    registry = Registry()
    modules = JobTypeModules(registry, roles=["user", "admin"], services=[f"{Printer.__module__}:Printer"])
    for name in names:
        modules.add("DESKJOB_JOBTYPES", name, partial(import_module, name))
    return registry


def refusal(*names: str) -> str:
    with pytest.raises(BadSettingError) as refused:
        load(*names)
    sentence = str(refused.value)
    assert sentence.startswith(f"DESKJOB_JOBTYPES cannot be used ({names[-1]!r}): ")
    assert sentence.endswith(".")
    assert "\n" not in sentence
    return sentence


def test_the_types_of_a_module_are_registered(write: Write) -> None:
    assert "sheet" in load(write(GOOD))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("import no_such_thing\n", "No module named 'no_such_thing'"),
        ("x = 1\ny = x / 0\n", "ZeroDivisionError: division by zero ({file}:2)"),
        ("import sys\nsys.exit('no')\n", "SystemExit: no ({file}:2)"),
        ("x = 1\nraise KeyboardInterrupt\n", "KeyboardInterrupt: no message ({file}:2)"),
        ("def broken(:\n", "invalid syntax ({file}:1)"),
        ("raise ValueError('''one\ntwo''')\n", "ValueError: one ({file}:1)"),
        ("raise ValueError('one:\\n  two')\n", "ValueError: one: two ({file}:1)"),
        ("import json\n\njson.loads('[')\n", "JSONDecodeError: Expecting value: line 1 column 2 (char 1) ({file}:3)"),
        ("raise ValueError('x' * 9000)\n", "(cut, 9,000 characters) ({file}:1)"),
        ("class Odd(BaseException):\n    __str__ = None\nraise Odd\n", "Odd: (Its text cannot be shown"),
        ("x = 1\n", "it declares no job type"),
        (GOOD.replace("title=", "timeout=600, title="), "{file}:5: timeout must be a timedelta"),
        (
            GOOD.replace("title=", "roles=['chief'], title="),
            "{file}:5: There is no role 'chief'. The roles are: user, ad",
        ),
        (
            GOOD.replace("Sheet):", "Sheet, db: Sheet):"),
            "{file}:5: The parameter 'db' requests Sheet, which is not a serv",
        ),
        (GOOD.replace("def sheet", "async def sheet"), "The handler sheet ({file}:5) is an async function."),
        (GOOD.replace("title=", "titel="), "TypeError: "),
        (
            GOOD.replace("title=", "keep=Retention(failed=3), title=").replace("job_type\n", "Retention, job_type\n"),
            "failed must be None or a timedelta of zero or more, at most 36500 days or FOREVER, not 3 ({file}:5)",
        ),
        (GOOD + GOOD.replace("def sheet", "def again"), " ({file}:5) and "),
    ],
)
def test_a_bad_module_is_refused_in_one_sentence_with_the_place(write: Write, text: str, sentence: str) -> None:
    name = write(text)
    file = next(str(Path(place) / f"{name}.py") for place in sys.path if (Path(place) / f"{name}.py").exists())
    assert sentence.format(file=file) in refusal(name)


SERVICES = (
    HEAD.replace("job_type\n", "job_service, job_type\n")
    + """from tests.jobs.definition.test_module_loader import Printer
class Mailer: ...
class Post: ...
@job_service
def mailer(printer: Printer) -> Mailer: return Mailer()
@job_type('sheet', title='Sheet')
def sheet(job, payload: Sheet, mailer: Mailer, printer: Printer): ...
"""
)


def test_a_module_registers_its_own_services_for_its_job_types(write: Write) -> None:
    first = write(SERVICES)
    text = SERVICES.replace("class Mailer: ...", f"from {first} import Mailer, mailer").replace("'sheet'", "'other'")
    second = write(text.replace("@job_service\ndef mailer(printer: Printer) -> Mailer: return Mailer()\n", ""))
    registry = load(first, second)
    assert [(own.provides.__name__, own.make.__module__) for own in registry.services.values()] == [("Mailer", first)]
    assert {"sheet", "other"} <= {kind.name for kind in registry}


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (
            ("printer: Printer) -> Mailer", "post: Post) -> Mailer"),
            "'post' requests Post, which is not a service. The serv",
        ),
        (("printer: Printer) -> Mailer", "m: Mailer) -> Mailer"), "The service Mailer needs itself"),
        (("-> Mailer: return Mailer()", "-> Printer: return Printer()"), "Printer is a service of Deskjob"),
        (("-> Mailer: return", ": return"), "must name its class as its return type"),
        (("@job_type", "@job_service\ndef again() -> Mailer: ...\n@job_type"), "The service Mailer is made twice"),
    ],
)
def test_a_bad_service_is_refused_in_one_sentence(write: Write, change: tuple[str, str], sentence: str) -> None:
    assert sentence in refusal(write(SERVICES.replace(*change)))


def test_a_module_whose_name_begins_alike_is_not_its_part(write: Write) -> None:
    numbered = write("x = 1\n")
    longer = f"{numbered}_more"
    folder = next(Path(place) for place in sys.path if (Path(place) / f"{numbered}.py").exists())
    (folder / f"{longer}.py").write_text(GOOD)
    (folder / f"{numbered}.py").write_text(f"from {longer} import sheet\n")
    assert "declares no job type" in refusal(numbered)


def test_a_type_of_an_imported_handler_belongs_to_the_module_that_declares_it(write: Write) -> None:
    handlers = write(HEAD + "def sheet(job, payload: Sheet): ...\n")
    types = f"from webapp.jobs import job_type\nimport {handlers}\nx = job_type('x', title='X')({handlers}.sheet)\n"
    assert "x" in load(write(types))


def test_job_types_of_one_function_name_are_all_registered(write: Write) -> None:
    assert {"sheet", "page"} <= {kind.name for kind in load(write(GOOD + GOOD.replace("'sheet'", "'page'")))}


def test_job_types_that_no_name_holds_are_registered(write: Write) -> None:
    made = "for name in ('one', 'two'):\n    job_type(name, title=name)(print_sheet)\n"
    text = (
        HEAD
        + "def print_sheet(job, payload: Sheet): ...\ndef make():\n    "
        + made.replace("\n", "\n    ")
        + "\nmake()\n"
    )
    assert {"one", "two"} == {kind.name for kind in load(write(text))}


def test_services_of_one_function_name_are_all_registered(write: Write) -> None:
    second = "class Fax: ...\n@job_service\ndef mailer() -> Fax: return Fax()\n@job_type"
    assert {own.__name__ for own in load(write(SERVICES.replace("@job_type", second))).services} == {"Mailer", "Fax"}


def test_two_types_of_one_name_and_function_are_refused_with_both_lines(write: Write) -> None:
    sentence = refusal(write(GOOD + GOOD))
    assert "Two job types are named 'sheet'" in sentence
    assert sentence.count(".py:5)") == sentence.count(".py:11)") == 1


def test_a_reloaded_module_declares_its_types_once(write: Write) -> None:
    name = write(GOOD)
    load(name)
    file = Path(str(import_module(name).__file__))
    file.write_text("# a line more\n" + GOOD.replace("'sheet'", "'letter'"))
    invalidate_caches()
    reload(import_module(name))
    assert [kind.name for kind in load(name)] == ["letter"]


def test_a_package_and_its_module_can_both_be_named(write: Write) -> None:
    outer = write("")
    folder = next(Path(place) for place in sys.path if (Path(place) / f"{outer}.py").exists())
    (folder / f"{outer}.py").unlink()
    (folder / outer).mkdir()
    (folder / outer / "sheets.py").write_text(GOOD)
    (folder / outer / "__init__.py").write_text("from . import sheets\n")
    assert "sheet" in load(outer, f"{outer}.sheets")


def test_a_person_can_interrupt_an_import(write: Write) -> None:
    with pytest.raises(KeyboardInterrupt):
        load(write("import os, signal\nos.kill(os.getpid(), signal.SIGINT)\n" + GOOD))


@pytest.mark.exhaustive
@pytest.mark.parametrize("words", ["type list", "web", exhaustive("worker"), exhaustive("clock")])
def test_commands_end_with_status_2_and_the_sentence(
    write: Write, tmp_path: Path, sqlite_template: Path, words: str
) -> None:
    (tmp_path / "var").mkdir()
    shutil.copy(sqlite_template, tmp_path / "var" / "deskjob.sqlite3")  # tables are looked at first
    name = write(GOOD.replace("title=", "timeout=600, title="))
    environment = {
        **os.environ,
        "PYTHONPATH": f"{Path.cwd()}:{tmp_path}",
        "DESKJOB_DATA_DIR": str(tmp_path / "var"),
        "DESKJOB_JOBTYPES": name,
    }
    command = [sys.executable, "-m", "webapp.cli", *words.split()]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert ended.returncode == 2, ended.stderr
    assert ended.stderr.startswith(f"deskjob: DESKJOB_JOBTYPES cannot be used ({name!r}): {tmp_path}")
    assert len(ended.stderr.splitlines()) == 1
