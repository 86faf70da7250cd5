"""What a form has brought as files: received now, or staged by an earlier try of the same form."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from werkzeug.datastructures import FileStorage

from webapp.jobs.files import StoredFile, clean_name, media_type_of
from webapp.views.forms.questions import Question
from webapp.views.forms.staged import NotStaged, Staging
from webapp.views.forms.words import one_of

KEPT = ".kept"  # behind a field's name: no name of a field has a dot


@dataclass(slots=True)
class Brought:
    """Files by field, those among them that were staged, and what is wrong with the others."""

    files: dict[str, StoredFile] = field(default_factory=dict)
    staged: set[str] = field(default_factory=set)
    errors: dict[str, str] = field(default_factory=dict)


class Refused(Exception):
    """A file has to be of a kind that the field takes, and to hold something."""


def receive(
    questions: Iterable[Question],
    *,
    sent: Mapping[str, FileStorage],
    typed: Mapping[str, str],
    staging: Staging,
) -> Brought:
    """Keep the files that a form has sent; a newly chosen one replaces a staged one."""
    brought = Brought()
    for question in questions:
        try:
            _take_in(brought, question, sent.get(question.name), typed.get(question.name + KEPT, ""), staging)
        except (Refused, NotStaged) as error:
            brought.errors[question.name] = str(error)
    return brought


def _take_in(brought: Brought, question: Question, sent: FileStorage | None, token: str, staging: Staging) -> None:
    if sent and sent.filename:
        brought.files[question.name] = _kept(question, sent, sent.filename)
    elif token:
        brought.files[question.name] = staging.peek(question.name, token)
        brought.staged.add(question.name)


def _kept(question: Question, sent: FileStorage, filename: str) -> StoredFile:
    name = clean_name(filename)
    accepted = [part.strip().lower() for part in str(question.schema.get("accept", "")).split(",") if part.strip()]
    if accepted and not any(_fits(name, kind) for kind in accepted):
        message = f"{name} is not of the right kind. Choose a file of the kind {one_of(accepted)}."
        raise Refused(message)
    if not sent.stream.size:  # type: ignore[attr-defined]
        message = f"{name} is empty. Choose a file that holds something."
        raise Refused(message)
    file: StoredFile = sent.stream.keep(filename)  # type: ignore[attr-defined]
    return file


def _fits(name: str, kind: str) -> bool:
    """As browsers read ``accept``: an ending, a media type, or a family of them."""
    if kind.startswith("."):
        return name.lower().endswith(kind)
    return media_type_of(name).startswith(kind.removesuffix("*"))
