"""Finds English on German pages.

English words are those of the English texts in the catalogue that no German text has. What users have written is left
out: it has one language.
"""

import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from babel import Locale
from babel.messages import Catalog
from babel.messages.pofile import read_po
from sqlalchemy import Engine, select

from webapp.db.engine import reading
from webapp.schema import (
    api_tokens,
    audit,
    disabled_types,
    flow_jobs,
    flows,
    jobs,
    notification_rules,
    queues,
    schedules,
    users,
    webhooks,
)

CATALOGUE = Path(__file__).parents[2] / "webapp" / "translations" / "de" / "LC_MESSAGES" / "messages.po"
# The texts of a page, without those for machines
TEXTS = """() => {
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), found = [];
  while (walker.nextNode()) {
    const text = walker.currentNode.textContent.trim().replace(/\\s+/g, ' ');
    const skipped = 'script, style, code, pre, samp, textarea, .result, [translate=no]';
    if (text && !walker.currentNode.parentElement.closest(skipped)) found.push(text);
  }
  for (const name of ['title', 'aria-label', 'placeholder', 'alt'])
    for (const element of document.querySelectorAll(`[${name}]`)) found.push(element.getAttribute(name));
  return found;
}"""
_WORD = re.compile(r"[^\W\d_]{2,}")
_NAMES = re.compile(r"%\(\w+\)s|\S*[_/@=\d<#]\S*|\b[\w-]+(\.\w+)+\b|\bX(-\w+)+")  # of fields, files, hosts, headers
_BY_USERS = (
    *(jobs.c.title, jobs.c.child_name, users.c.name, users.c.full_name, schedules.c.name, schedules.c.paused_why),
    *(queues.c.name, queues.c.reason, disabled_types.c.reason, api_tokens.c.name, webhooks.c.name),
    *(notification_rules.c.name, flows.c.title, flow_jobs.c.name),
)


def english_texts(texts: Iterable[str], by_users: Iterable[str]) -> set[str]:
    """Return the texts with an English word that is not part of a text by users."""
    known = sorted(by_users, key=len, reverse=True)
    return {text for text in texts if _words(_without(text, known)) & english_words()}


def texts_by_users(engine: Engine) -> frozenset[str]:
    """Return what users have written into the database, without texts that have a translation."""
    with reading(engine) as connection:
        found = {text for column in _BY_USERS for text in connection.scalars(select(column).distinct()) if text}
        for before, after in connection.execute(select(audit.c.before, audit.c.after)):
            found |= {str(value) for value in [*(before or {}).values(), *(after or {}).values()]}
    return frozenset(text for text in found if len(text) > 1 and catalogue().get(text) is None)


@cache
def english_words() -> frozenset[str]:
    """Return the words of English texts that are in no German text."""
    messages = [message for message in catalogue() if message.id]
    english = {word for message in messages for text in _texts(message.id) for word in _words(text)}
    german = {word for message in messages for text in _texts(message.string) for word in _words(text)}
    return frozenset(english - german - _days_and_months())


@cache
def catalogue() -> Catalog:
    """Return the German catalogue."""
    with CATALOGUE.open("rb") as file:
        return read_po(file, "de")


def _without(text: str, known: Iterable[str]) -> str:
    for part in known:
        text = text.replace(part, " ")
    return text


def _days_and_months() -> set[str]:
    names = Locale("de")
    kinds = (names.days["format"]["abbreviated"], names.days["format"]["wide"], names.months["format"]["abbreviated"])
    return _words(" ".join(name for kind in kinds for name in kind.values()))


def _texts(value: str | Iterable[str]) -> list[str]:
    return [value] if isinstance(value, str) else list(value)


def _words(text: str) -> set[str]:
    return {word.lower() for word in _WORD.findall(_NAMES.sub(" ", text))}
