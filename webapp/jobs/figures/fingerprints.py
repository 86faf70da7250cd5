"""The fingerprint of an error: the same for failures that have one cause, whatever they failed on. Pure."""

import re
from dataclasses import dataclass
from hashlib import blake2b

_LONGEST = 500  # characters of a message that people read
_VARYING = (
    (re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b", re.IGNORECASE), "<id>"),
    (re.compile(r"0x[0-9a-f]+|\b(?=[0-9a-f]*\d)[0-9a-f]{8,}\b", re.IGNORECASE), "<id>"),
    (re.compile(r"'[^']*'|\"[^\"]*\"|“[^”]*”"), "<text>"),
    (re.compile(r"(?:/[\w.@+-]+){2,}"), "<path>"),
    (re.compile(r"\d+(?:[.,:]\d+)*"), "<number>"),
    (re.compile(r"\s+"), " "),
)
_FRAME = re.compile(r'File "(?:.*[/\\])?([^"/\\]+)", line \d+, in (\S+)')


@dataclass(frozen=True, slots=True)
class Mark:
    """What tells errors apart: where it was raised (file and function) and what it says, without what varies."""

    fingerprint: str
    message: str
    place: str


def mark(type_name: str, error: str, traceback: str | None = None) -> Mark:
    """Return the mark of a failure of a job type; line numbers do not count, so that an edit keeps it."""
    frames = _FRAME.findall(traceback or "")
    place = f"{frames[-1][0]}, {frames[-1][1]}" if frames else ""
    said = _without_what_varies(error)
    digest = blake2b(f"{type_name}\0{said}\0{place}".encode(), digest_size=8).hexdigest()
    return Mark(fingerprint=digest, message=error.strip()[:_LONGEST], place=place[:200])


def _without_what_varies(error: str) -> str:
    said = error.strip()[:_LONGEST]
    for varying, instead in _VARYING:
        said = varying.sub(instead, said)
    return said
