"""Names of files that are safe to show, to download, to unpack and to write to a folder of any system. Pure.

A name is cleaned when its file is stored, and again when it is sent, because older rows have older names.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator

_MOST_CHARACTERS, _MOST_BYTES = 150, 240  # a folder holds 255 bytes, and a number may be added
_LONGEST_ENDING = 20
_WITHOUT_NAME = "file"
_FORBIDDEN = re.compile(r'[<>:"|?*]')  # on Windows; quotes and angle brackets also end attributes and tags
_MISLEADING = ("-", "=", "+", "@", "~")  # an option, a formula, a home folder
_RESERVED = re.compile(r"(?:con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]|conin\$|conout\$) *(?:\.|$)", re.IGNORECASE)
_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})  # control, bidi and zero-width characters, line ends


def clean_name(name: str) -> str:
    """Return a safe name: the last part of a path, visible, at most 150 characters; a safe name stays as it is."""
    last = re.split(r"[/\\]", name)[-1]
    visible = "".join(" " if unicodedata.category(c) == "Zs" else c for c in last if _is_visible(c))
    composed = unicodedata.normalize("NFC", visible)
    safe = _shortened(_FORBIDDEN.sub("_", composed).strip(" .")) or _WITHOUT_NAME
    return _shortened(f"_{safe}") if safe.startswith(_MISLEADING) or _RESERVED.match(safe) else safe


def distinct_names(names: Iterable[str]) -> Iterator[str]:
    """Yield each name cleaned; one that differs from an earlier one only by case, or not at all, gets a number."""
    numbers: dict[str, int] = {}  # the last one of each name
    for name in map(clean_name, names):
        stem, ending = _split(name)
        distinct, number = name, numbers.get(name.casefold(), 1)
        while distinct.casefold() in numbers:
            number += 1
            distinct = f"{stem} ({number}){ending}"
        numbers[name.casefold()] = number
        numbers.setdefault(distinct.casefold(), 1)
        yield distinct


def _is_visible(character: str) -> bool:
    return unicodedata.category(character) not in _INVISIBLE


def _split(name: str) -> tuple[str, str]:
    stem, dot, ending = name.rpartition(".")
    return (stem, f".{ending}") if dot and stem and len(ending) <= _LONGEST_ENDING else (name, "")


def _shortened(name: str) -> str:
    """Cut the end of the stem, and keep the ending."""
    stem, ending = _split(name)
    stem = stem[: _MOST_CHARACTERS - len(ending)]
    while len(f"{stem}{ending}".encode()) > _MOST_BYTES:
        stem = stem[:-1]
    return f"{stem}{ending}".strip(" .")
