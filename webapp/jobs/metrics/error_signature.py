"""What identifies an error: failures with one cause have one fingerprint, whatever input they failed on.

Line numbers do not count, so that an edit of the code keeps the fingerprints.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import PurePath

from webapp.jobs.model.diagnostics import UNEXPECTED

_MESSAGE_LIMIT = 500  # characters
_PLACE_LIMIT = 200  # characters
_VARIABLE_PARTS = (
    (re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b", re.IGNORECASE), "<id>"),
    (re.compile(r"0x[0-9a-f]+|\b(?=[0-9a-f]*\d)[0-9a-f]{8,}\b", re.IGNORECASE), "<id>"),
    (re.compile(r"'[^']*'|\"[^\"]*\"|“[^”]*”"), "<text>"),
    (re.compile(r"(?:/[\w.@+-]+){2,}"), "<path>"),
    (re.compile(r"\d+(?:[.,:]\d+)*"), "<number>"),
    (re.compile(r"\s+"), " "),
)
_TRACEBACK = "Traceback (most recent call last):"  # of causes first, of the error itself last
_FRAME = re.compile(r'^ *\|? +File "([^"]+)", line \d+, in (\S+)\n(?: *\|? +(.*))?', re.MULTILINE)
_ERROR_CLASS = re.compile(r"^([A-Za-z_][\w.]*)(?::|$)", re.MULTILINE)
_NOT_BY_AUTHORS = re.compile(r"^<|[/\\](?:site-packages|python3[.\d]*|webapp[/\\](?:jobs|db))[/\\]")


@dataclass(frozen=True, slots=True)
class ErrorSignature:
    """The fingerprint of an error, its message, and the file and function that raised it."""

    fingerprint: str
    message: str
    place: str


@dataclass(frozen=True, slots=True)
class _Frame:
    path: str
    function: str
    line: str

    @property
    def place(self) -> str:
        return f"{PurePath(self.path).name}, {self.function}"

    @property
    def is_by_authors(self) -> bool:
        """Whether this is code of a job type, and not of Python, a library or the engine."""
        return not _NOT_BY_AUTHORS.search(self.path)

    @property
    def says_what_failed(self) -> bool:
        """Whether the source line itself tells errors apart, as ``raise JobError(message)`` does not."""
        return "'" in self.line or '"' in self.line or self.line.count("(") > self.line.count(")")


def error_signature(type_name: str, error: str, traceback: str | None = None, *, key: str = "") -> ErrorSignature:
    """Return the signature of a failure.

    An error with a translation is identified by its ``key`` and its place, another one by its class and the source line
    of the job type that raised it; without a traceback, and where the line does not tell, by its message without its
    variable parts (numbers, ids, quoted texts and paths).
    """
    frames = list(_frames(traceback or ""))
    by_authors = [frame for frame in frames if frame.is_by_authors]
    frame = (by_authors or frames)[-1] if frames else None
    place = frame.place if frame else ""
    if key and key != UNEXPECTED:
        cause = f"key {key}"
    elif frame and frame.says_what_failed:
        cause = f"{_error_class(traceback or '')} {frame.line}"
    else:
        cause = _without_variable_parts(error)
    digest = blake2b(f"{type_name}\0{cause}\0{place}".encode(), digest_size=8).hexdigest()
    return ErrorSignature(fingerprint=digest, message=error.strip()[:_MESSAGE_LIMIT], place=place[:_PLACE_LIMIT])


def _frames(traceback: str) -> Iterator[_Frame]:
    for path, function, line in _FRAME.findall(traceback.rpartition(_TRACEBACK)[2]):
        yield _Frame(path, function, line.strip())


def _error_class(traceback: str) -> str:
    found = _ERROR_CLASS.search(traceback.rpartition(_TRACEBACK)[2])
    return found[1] if found else ""


def _without_variable_parts(error: str) -> str:
    text = error.strip()[:_MESSAGE_LIMIT]
    for pattern, placeholder in _VARIABLE_PARTS:
        text = pattern.sub(placeholder, text)
    return text
