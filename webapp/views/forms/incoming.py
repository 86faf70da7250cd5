"""What a form has brought as files: received now, or staged by an earlier try of the same form."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from pydantic import BaseModel
from werkzeug.datastructures import FileStorage

from webapp.jobs.files import StoredFile, clean_name
from webapp.jobs.uploads import Taken, taken_by
from webapp.views.forms.questions import questions
from webapp.views.forms.staged import NotStaged, Staging

KEPT = ".kept"  # behind a field's name: no name of a field has a dot


@dataclass(slots=True)
class Brought:
    """Files by field, those among them that were staged, and what is wrong with the others."""

    files: dict[str, StoredFile] = field(default_factory=dict)
    staged: set[str] = field(default_factory=set)
    errors: dict[str, str] = field(default_factory=dict)


class Refused(Exception):
    """A field takes some kinds of files, up to a size."""


def receive(
    payload_class: type[BaseModel],
    *,
    sent: Mapping[str, FileStorage],
    typed: Mapping[str, str],
    staging: Staging,
) -> Brought:
    """Keep the files that a form has sent, if their field takes them; a newly chosen one replaces a staged one."""
    brought = Brought()
    for question in questions(payload_class):
        name = question.name
        try:
            if (file := sent.get(name)) and file.filename:
                brought.files[name] = _kept(file, file.filename, taken_by(payload_class, name))
            elif token := typed.get(name + KEPT):
                brought.files[name] = staging.peek(name, token)
                brought.staged.add(name)
        except (Refused, NotStaged) as error:
            brought.errors[name] = str(error)
    return brought


def _kept(sent: FileStorage, filename: str, taken: Taken) -> StoredFile:
    if refusal := taken.refusal(clean_name(filename), sent.stream.size):  # type: ignore[attr-defined]
        raise Refused(refusal)
    file: StoredFile = sent.stream.keep(filename)  # type: ignore[attr-defined]
    return file
