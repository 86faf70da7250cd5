"""What was written in English where nobody knew who would read it, in the language of whoever does.

The engine, the accounts and the job types know no reader: rows and errors hold plain English. A text
that is in the catalogue as it stands (a job type's title) is looked up; a sentence with something
filled in is recognised by its pattern here. What is unknown is shown as it is.
"""

import re
from collections.abc import Mapping
from functools import cache
from typing import Any

from flask_babel import gettext

_WORDS = re.compile(r"%\((\w+)\)s")


def english(text: str) -> str:
    """Mark a text for the catalogue."""
    return text


FIXED = (
    english("user"),
    english("auditor"),
    english("operator"),
    english("admin"),
    english("The job says that it did not succeed."),
    english("The owner of this job is gone or disabled, so it cannot run in their name."),
    english("What it was to follow did not complete."),
    english("It was run by hand, and interrupted."),
    english("It was asked to stop and did not within its grace, so it was ended by force."),
    english("The worker was stopped, and the job did not end within its grace."),
    english("The database could not be reached for too long, so the job was ended and starts again."),
    english("The machine that ran this job could not be seen any more."),
    english("The worker that ran this job was killed."),
    english("The worker that ran this job went down."),
    english("This password is too easy to guess. A few unrelated words are easy to remember and hard to guess."),
    english("This is not an e-mail address."),
    english("Only admins may import users."),
    english("The file has no rows below the names of its columns."),
    english("The first row must name the columns, and none is called name."),
    english("The account that this export is made for does not exist any more."),
    english("The file holds no row that can be read."),
    english("The file is an archive, but not an XLSX workbook."),
    english("The workbook is protected by a password. Save it without one and start again."),
    english("The workbook is damaged: it declares a document type, which no workbook has."),
    english("The workbook is damaged: it holds a tag that never ends."),
    english("This is an old Excel file (.xls). Save it as XLSX or CSV and start again."),
    english("Some rows were rejected; rejected.csv has the reason for each."),
    english("Nothing to remove."),
)
PATTERNS = (
    english("It ran longer than its limit of %(limit)s and was ended."),
    english("It ran longer than its limit of %(limit)s and had to be ended by force."),
    english(
        "The process that ran this job was killed (%(signal)s). "
        "Perhaps the machine ran out of memory: it used up to %(memory)s."
    ),
    english("The process that ran this job was killed (%(signal)s)."),
    english("The process that ran this job ended by itself, with exit status %(status)s."),
    english("There is no job type %(name)s. It was removed, or is not installed here."),
    english("Job %(id)s is %(old)s and cannot become %(new)s."),
    english("A job with the unique key %(key)s is not finished yet."),
    english("… and %(count)s more."),
    english("A password has %(shortest)s to %(longest)s characters."),
    english("A name has 1 to %(longest)s letters, digits and . @ + - _ and begins with a letter or digit."),
    english("A full name is one line of at most %(longest)s characters."),
    english("There is an account named %(name)s already."),
    english("There is no account named %(name)s."),
    english("There is no role %(role)s; the roles are %(roles)s."),
    english("The file is larger than the allowed %(limit)s bytes."),
    english("The file has more than %(rows)s rows; please import it in parts."),
    english("The file has more than %(size)s MB; please import it in parts."),
    english("A quote that is opened on line %(line)s is never closed."),
    english("Line %(line)s cannot be read: %(error)s. Often a quote before it is never closed."),
    english("Two columns are called %(column)s."),
    english("The file %(name)s is empty."),
    english("The file %(name)s is %(what)s, not a CSV or XLSX file."),
    english("The file %(name)s is not a workbook, whatever its name says. Save it again as XLSX or CSV."),
    english("The sheet %(name)s is empty."),
    english("There is no sheet %(name)s. The workbook has: %(sheets)s."),
    english("The workbook is damaged or not an XLSX file: %(error)s."),
    english("The table has %(columns)s columns; at most %(most)s can be described."),
)


def translated(text: str) -> str:
    """Return a text that was written in English in the reader's language, as far as it is known.

    Templates must not say ``_(variable)``: that would mark somebody's text as safe markup.
    """
    if not text:
        return ""
    whole = str(gettext(text))
    return whole if whole != text else _filled(text)


def note_in_words(note: Mapping[str, Any]) -> str:
    """Return a warning or an error in the reader's language: by its key if the catalogue has that, else by its text."""
    key, parameters = str(note.get("key", "")), note.get("parameters") or {}
    ours = str(gettext(key)) if key else ""
    if ours == key:
        return translated(str(note.get("text", "")))
    try:
        return ours % parameters
    except (KeyError, ValueError, TypeError):  # what fills it in was written by a job type, at another time
        return translated(str(note.get("text", "")))


def _filled(text: str) -> str:
    for pattern, expression in _expressions().items():
        ours = str(gettext(pattern))
        if ours != pattern and (found := expression.fullmatch(text)):
            return ours % found.groupdict()
    return text


@cache
def _expressions() -> dict[str, re.Pattern[str]]:
    return {pattern: re.compile(_expression(pattern), re.DOTALL) for pattern in PATTERNS}


def _expression(pattern: str) -> str:
    fixed, names = _WORDS.split(pattern)[::2], _WORDS.findall(pattern)
    parts = [
        re.escape(fixed[0]),
        *(f"(?P<{name}>.+?){re.escape(rest)}" for name, rest in zip(names, fixed[1:], strict=True)),
    ]
    return "".join(parts)
