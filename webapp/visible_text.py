"""Text that people type or paste: invisible characters are removed, letters of all scripts are kept. Pure.

Two invisible characters are letters of a kind: Persian and several Indian scripts need the zero width
(non-)joiner inside of words. RFC 5892, as the library ``idna`` has it, says where.
"""

import unicodedata

from idna.core import valid_contextj

_JOINERS = "\N{ZERO WIDTH NON-JOINER}\N{ZERO WIDTH JOINER}"


def without_invisible(text: str) -> str:
    """Return the text without invisible characters, at its ends also without spaces.

    Joiners stay where a script needs them. Line breaks and control characters stay, so that the caller can refuse them.
    """
    kept = "".join(char for char in text if unicodedata.category(char) != "Cf" or char in _JOINERS)
    return "".join(char for at, char in enumerate(kept) if char not in _JOINERS or _is_needed(kept, at)).strip()


def is_word_character(text: str, at: int) -> bool:
    """Return whether the character at a position is a letter, a digit, or a mark or joiner of a letter before it."""
    char = text[at]
    return char.isalnum() or (at > 0 and (unicodedata.category(char) in {"Mn", "Mc"} or char in _JOINERS))


def unreadable_character(text: str) -> str:
    """Return the first character that cannot be shown, as U+0007; an empty text if all can."""
    found = next((char for char in text if not (char.isprintable() or char in _JOINERS)), "")
    return f"U+{ord(found):04X}" if found else ""


def _is_needed(text: str, at: int) -> bool:
    try:
        return valid_contextj(text, at)
    except ValueError:  # an unassigned character beside it
        return False
