"""Sentences about a table, which are stored in English and can be shown in another language."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field


class Share(float):
    """A part of the whole, between 0.0 and 1.0."""


@dataclass(frozen=True, slots=True)
class Note:
    """A sentence in English with its values: texts, numbers or other notes.

    `webapp.views.text.engine_messages` lists the sentences, so that translators find them.
    """

    text: str
    values: Mapping[str, "str | float | Note"] = field(default_factory=dict)

    def __str__(self) -> str:
        """Return the sentence in English."""
        return self.in_words(str, _in_english)

    def in_words(self, translate: Callable[[str], str], number: Callable[[float], str]) -> str:
        """Return the translated sentence; ``number`` formats numbers."""

        def word(value: "str | float | Note") -> str:
            if isinstance(value, Note):
                return value.in_words(translate, number)
            return value if isinstance(value, str) else number(value)

        return translate(self.text) % {name: word(value) for name, value in self.values.items()}


def _in_english(number: float) -> str:
    if isinstance(number, Share):
        return f"{100 * number:.1f} %"
    return f"{number:,}" if isinstance(number, int) else f"{number:,.6g}"
