"""Sentences about a table, which are stored in English and can be shown in another language."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Note:
    """A sentence in English with its values: texts, numbers or other notes.

    `webapp.views.text.engine_messages` lists the sentences, so that translators find them.
    """

    text: str
    values: Mapping[str, "str | int | Note"] = field(default_factory=dict)

    def __str__(self) -> str:
        """Return the sentence in English."""
        return self.in_words(str, lambda number: f"{number:,}")

    def in_words(self, translate: Callable[[str], str], number: Callable[[int], str]) -> str:
        """Return the translated sentence; ``number`` formats numbers."""

        def word(value: "str | int | Note") -> str:
            if isinstance(value, Note):
                return value.in_words(translate, number)
            return number(value) if isinstance(value, int) else value

        return translate(self.text) % {name: word(value) for name, value in self.values.items()}
