"""Parse XML into a stream of events in constant memory; document types are refused because of entity bombs."""

from collections.abc import Iterator
from functools import partial
from typing import IO, Literal
from xml.parsers.expat import ExpatError, ParserCreate

from webapp.jobs import JobError

CHUNK = 64 * 1024
LONGEST_TOKEN = 8 * 1024 * 1024  # bytes; expat holds a tag until it has the whole of it

Event = tuple[Literal["start", "end", "text"], str, dict[str, str]]
NO_ATTRIBUTES: dict[str, str] = {}


def xml_events(stream: IO[bytes]) -> Iterator[Event]:
    """Yield ``("start", name, attributes)``, ``("text", text, {})`` and ``("end", name, {})``; names lose prefixes.

    Text can arrive in pieces. Raises `JobError` for anything that is not XML.
    """
    found: list[Event] = []
    parser = ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = lambda name, attributes: found.append(("start", _local(name), attributes))
    parser.EndElementHandler = lambda name: found.append(("end", _local(name), NO_ATTRIBUTES))
    parser.CharacterDataHandler = lambda text: found.append(("text", text, NO_ATTRIBUTES))
    parser.StartDoctypeDeclHandler = _refuse_document_type
    fed = 0
    try:
        for chunk in iter(partial(stream.read, CHUNK), b""):
            parser.Parse(chunk, False)  # noqa: FBT003 - expat takes it by position only
            fed += len(chunk)
            _refuse_endless_token(fed - parser.CurrentByteIndex)
            yield from found
            found.clear()
        parser.Parse(b"", True)  # noqa: FBT003
    except ExpatError as error:
        message = f"The workbook is damaged: {error}."
        raise JobError(message) from error
    yield from found


def _local(name: str) -> str:
    return name.rpartition(":")[2]


def _refuse_document_type(*_: object) -> None:
    message = "The workbook is damaged: it contains a document type declaration."
    raise JobError(message)


def _refuse_endless_token(waiting: int) -> None:
    if waiting > LONGEST_TOKEN:
        message = "The workbook is damaged: it contains a tag that never ends."
        raise JobError(message)
