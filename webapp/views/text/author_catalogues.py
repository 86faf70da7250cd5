"""The catalogues that authors ship with their job types: titles, labels, choices and messages in other languages.

A folder ``translations`` beside the module of a handler, or in a package above it, is found when the application
starts. It has the layout of gettext: ``translations/de/LC_MESSAGES/messages.mo``.
"""

import re
import sys
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

from babel import Locale
from babel.support import NullTranslations, Translations

from webapp.catalogues import CATALOGUES
from webapp.jobs.definition.job_type import JobType
from webapp.views.text.translations import language

FOLDER = "translations"
_WORDS = re.compile(r"%\(\w+\)s")
_LEAST_LETTERS = 4  # of a sentence beside its values; with fewer, its pattern would match the sentences of others
_folders: list[Path] = []


def register(job_types: Iterable[JobType]) -> None:
    """Use the catalogues of these job types in this process, besides those that are used already."""
    found = (folder for job_type in job_types for folder in _folders_of(job_type.handler.__module__))
    _folders.extend(folder for folder in dict.fromkeys(found) if folder not in _folders)
    _catalogue.cache_clear()
    patterns.cache_clear()


def author_gettext(text: str) -> str:
    """Return the translation of a text of a job type in the language of the request; the text itself if none has it."""
    chosen = language() if _folders else ""
    return str(_catalogue(chosen).ugettext(text)) if chosen else text


@cache
def patterns(chosen: str) -> tuple[str, ...]:
    """Return the texts with values that the catalogues have in a language, so that stored sentences are recognised."""
    texts = (text for folder in _folders for text in _texts(_load(folder, chosen)))
    return tuple(text for text in texts if _WORDS.search(text) and _letters(text) >= _LEAST_LETTERS)


def _folders_of(module: str) -> Iterator[Path]:
    file = getattr(sys.modules.get(module), "__file__", None)
    if file is None:
        return
    folder = Path(file).resolve().parent
    while True:
        if (folder / FOLDER).is_dir() and folder / FOLDER != CATALOGUES.resolve():
            yield folder / FOLDER
        if not (folder / "__init__.py").exists():
            return
        folder = folder.parent


@cache
def _catalogue(chosen: str) -> NullTranslations:
    """Return the catalogues of a language as one; the first that has a text translates it."""
    first = NullTranslations()
    for folder in _folders:
        first.add_fallback(_load(folder, chosen))
    return first


def _load(folder: Path, chosen: str) -> NullTranslations:
    return Translations.load(folder, [Locale(chosen)])


def _texts(catalogue: NullTranslations) -> Iterator[str]:
    known = getattr(catalogue, "_catalog", {})
    return (text for text in known if isinstance(text, str) and text)


def _letters(text: str) -> int:
    return sum(map(str.isalpha, _WORDS.sub("", text)))
