"""Every command line in the documentation exists: the command, its options and their number of values."""

import re
import shlex
from pathlib import Path

import click
import pytest

from webapp.cli import deskjob
from webapp.cli.command_group import LazyCommand

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    path.relative_to(ROOT).as_posix()
    for path in (*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"))
    if "decisions" not in path.parts
)
_COMMAND = re.compile(r"\./deskjob +([a-z-][^`#\n]*)")
_STARTS_HERE = {"test", "bench"}  # what the script `./deskjob` does itself, without the application


def commands(page: str) -> list[str]:
    """The command lines of a page, in blocks and in sentences; `…` stands for anything."""
    found = _COMMAND.findall((ROOT / page).read_text(encoding="utf-8"))
    return [re.split(r"[|;&)]|…", command)[0].strip() for command in found]


def check(line: str) -> None:
    """Parse a command line without running it."""
    words = shlex.split(line)
    command: click.Command = deskjob
    context = click.Context(deskjob, info_name="deskjob")
    _options, words, _order = deskjob.make_parser(context).parse_args(words)
    while isinstance(command, click.Group) and words:
        name, *words = words
        found = command.get_command(context, name)
        assert found, f"there is no command {name!r} in {line!r}"
        command = found.load() if isinstance(found, LazyCommand) else found
        context = click.Context(command, info_name=name, parent=context)
        _options, words, _order = command.make_parser(context).parse_args(words)


@pytest.mark.parametrize("page", [page for page in PAGES if commands(page)])
def test_every_command_of_a_page_exists(page: str) -> None:
    for line in commands(page):
        if line.split()[0] not in _STARTS_HERE:
            check(line)
