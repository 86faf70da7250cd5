"""Tags: short words that users give to jobs, to find them again. Pure.

They are stored in lower case, sorted and without duplicates.
"""

from collections.abc import Collection, Iterable
from typing import Any

from webapp.jobs.model.incoming_text import visible_text
from webapp.jobs.model.value_rules import ValueRule, shown, text

TAG_LIMIT = 40  # characters
MOST_TAGS = 10
_TEXT = text(TAG_LIMIT)


class InvalidTags(ValueError):
    """Raised when tags cannot be stored. The message is one sentence for users."""


def clean_tags(tags: Iterable[str]) -> tuple[str, ...]:
    """Return tags as they are stored; raise `InvalidTags`."""
    found = sorted({clean_tag(tag) for tag in tags})
    if len(found) > MOST_TAGS:
        message = f"A job can have at most {MOST_TAGS} tags, not {len(found)}."
        raise InvalidTags(message)
    return tuple(found)


def clean_tag(tag: str) -> str:
    """Return a tag as it is stored; raise `InvalidTags`."""
    clean = folded(tag) if isinstance(tag, str) else ""
    if not _TEXT.accepts(clean) or not clean.isprintable() or "," in clean:
        message = f"A tag must have 1 to {TAG_LIMIT} visible characters and no comma, not {shown(tag)}."
        raise InvalidTags(message)
    return clean


def folded(tag: str) -> str:
    """Return a text in the form in which a tag is stored, to look it up; it can have any length."""
    return " ".join(visible_text(tag).split()).lower()


def split_tags(typed: str) -> tuple[str, ...]:
    """Return the tags in a text with commas between them, as a form sends it; raise `InvalidTags`."""
    return clean_tags(tag for tag in typed.split(",") if tag.strip())


def _are_tags(value: Any) -> bool:
    try:
        return isinstance(value, Collection) and not isinstance(value, str | bytes) and clean_tags(value) is not None
    except InvalidTags:
        return False


TAGS = ValueRule(
    f"a list of up to {MOST_TAGS} tags, each of 1 to {TAG_LIMIT} visible characters without a comma", _are_tags
)
