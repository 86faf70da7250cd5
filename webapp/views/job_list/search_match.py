"""What a search found in a job: the text around each word that its row does not show anyway. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from unicodedata import normalize

from webapp.db.case_folding import fold_case
from webapp.jobs.model.job import Job
from webapp.jobs.queries.text_search import ENCRYPTED_PREFIX, WORD_LIMIT
from webapp.views.text.stored_messages import diagnostic_text, translated

_AROUND = 30  # characters on either side of the word
_MOST_VALUES = 500  # of a payload; a longer list is not looked through


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchMatch:
    """A found word with the text around it; ``label`` is the parameter that contains it, empty for other texts."""

    label: str
    before: str
    word: str
    after: str


def search_words(text: str) -> tuple[str, ...]:
    """Return the words that the engine looks for, in any order."""
    return tuple(text.split()[:WORD_LIMIT])


def search_matches(job: Job, words: Sequence[str], shown: Sequence[str]) -> tuple[SearchMatch, ...]:
    """Return where each word is found that none of the ``shown`` texts contains; the viewer can open the job."""
    hidden = [word for word in words if not any(_position(text, word) is not None for text in shown)]
    if not hidden:
        return ()
    texts = list(_texts(job))
    found = (_first_match(texts, word) for word in hidden)
    return tuple(dict.fromkeys(match for match in found if match))


def _texts(job: Job) -> Iterator[tuple[str, str]]:
    yield "", translated(job.message)
    for note in job.errors:
        yield "", diagnostic_text(note)
    left = _MOST_VALUES
    for label, value in _leaves(job.payload, ""):
        if not value.startswith(ENCRYPTED_PREFIX):
            yield label, value
        left -= 1
        if not left:
            return


def _leaves(value: Any, label: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _leaves(inner, label or str(name))
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _leaves(inner, label)
    elif value is not None:
        yield label, str(value)


def _first_match(texts: Sequence[tuple[str, str]], word: str) -> SearchMatch | None:
    for label, text in texts:
        if (start := _position(text, word)) is not None:
            return _cut(label, text, start, start + len(word))
    return None


def _position(text: str, word: str) -> int | None:
    """Return where the word begins; nowhere if folding changes the length of the text, which is rare."""
    folded = fold_case(normalize("NFC", text))
    at = folded.find(fold_case(normalize("NFC", word)))
    return at if at >= 0 and len(folded) == len(text) else None


def _cut(label: str, text: str, start: int, end: int) -> SearchMatch:
    before, after = text[max(start - _AROUND, 0) : start], text[end : end + _AROUND]
    return SearchMatch(
        label=label,
        before=f"…{before}" if start > _AROUND else before,
        word=text[start:end],
        after=f"{after}…" if len(text) > end + _AROUND else after,
    )
