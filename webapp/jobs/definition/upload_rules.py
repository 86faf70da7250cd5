"""Which files the upload fields of a payload accept: one check for pages, the command line and code. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import humanize
from pydantic import BaseModel

from webapp.jobs.definition.field_specs import FieldSpec, upload_specs
from webapp.jobs.store.file_store import StoredFile, media_type_of

USUAL_FILES = 20  # of a list whose author sets no ``max_length``
Files = StoredFile | Sequence[StoredFile]  # what a field is given: a file, or several for a list


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadRule:
    """What a field accepts: file extensions and media types (none = any), and maximum sizes in bytes.

    A list takes ``max_files`` files of together ``max_total_bytes``.
    """

    kinds: tuple[str, ...] = ()
    max_bytes: int | None = None
    max_files: int = 1
    max_total_bytes: int | None = None
    is_list: bool = False

    def refusal(self, name: str, count: int) -> str:
        """Return why a file of this name and ``count`` bytes is rejected; an empty text if it is accepted."""
        if self.kinds and not any(_matches(name, kind) for kind in self.kinds):
            return f"{name} is not an accepted file type. Choose a file of type {join_with_or(self.kinds)}."
        if not count:
            return f"{name} is empty. Choose another file."
        if self.max_bytes is not None and count > self.max_bytes:
            return f"{name} is larger than the limit of {format_size(self.max_bytes)}. Choose a smaller file."
        return ""

    def total_limit(self, largest: int) -> int:
        """Return the maximum size of all files of the field in bytes; no file is larger than ``largest``.

        A list without a limit of its own takes as much as one file.
        """
        each = min(self.max_bytes or largest, largest)
        return min(self.max_total_bytes or largest, each * self.max_files) if self.is_list else each

    def refusal_of_all(self, files: Sequence[StoredFile], largest: int | None = None) -> str:
        """Return why these files are rejected, each or together; an empty text if they are accepted.

        With ``largest``, the limit for one file, a list without a limit for all has that of `total_limit`.
        """
        if refused := next(filter(None, (self.refusal(file.name, file.size) for file in files)), ""):
            return refused
        if len(files) > self.max_files:
            return f"Too many files: {len(files)}. Choose at most {self.max_files}."
        limit = self.max_total_bytes if largest is None or not self.is_list else self.total_limit(largest)
        if limit is not None and sum(file.size for file in files) > limit:
            return f"The files are larger than the limit of {format_size(limit)} in total. Choose fewer."
        return ""


def upload_rules(payload_class: type[BaseModel]) -> Mapping[str, UploadRule]:
    """Return the rule of each upload field, by its name in a request."""
    return {spec.name: _rule(spec) for spec in upload_specs(payload_class)}


def upload_rule_of(payload_class: type[BaseModel], field: str) -> UploadRule:
    """Return the rule of a field; ``field`` is its name in a request."""
    return upload_rules(payload_class).get(field, UploadRule())


def rejected_uploads(
    payload_class: type[BaseModel], files: Mapping[str, Files], largest: int | None = None
) -> dict[str, str]:
    """Return the message for each field whose files are rejected; ``largest`` is the limit for one file, if any."""
    rules = upload_rules(payload_class)
    messages = {
        field: rules.get(field, UploadRule()).refusal_of_all(listed(given), largest) for field, given in files.items()
    }
    return {field: message for field, message in messages.items() if message}


def with_descriptions(
    payload_class: type[BaseModel], values: Mapping[str, Any], files: Mapping[str, Files]
) -> dict[str, Any]:
    """Return the values of a payload with the descriptions of its files at their places."""
    described = dict(values)
    if not files:
        return described
    paths = {spec.name: spec.path for spec in upload_specs(payload_class)}
    for field, given in files.items():
        all_files = [_description(file) for file in listed(given)]
        if upload_rule_of(payload_class, field).is_list:
            described = with_value(described, paths[field], all_files)
        elif all_files:
            described = with_value(described, paths.get(field, (field,)), all_files[0])
    return described


def listed(given: Files) -> Sequence[StoredFile]:
    """Return the files of a field as a list."""
    return (given,) if isinstance(given, StoredFile) else given


def join_with_or(parts: Sequence[str]) -> str:
    """Join alternatives: ``.csv``, ``.xlsx`` and ``.tsv`` become ".csv, .xlsx or .tsv"."""
    return " or ".join(filter(None, [", ".join(parts[:-1]), *parts[-1:]]))


def format_size(count: int) -> str:
    """Return a number of bytes in readable form: 205 kB, 2.1 GB."""
    return humanize.naturalsize(count).replace(".0 ", " ").replace("Byte", "byte")


def _rule(spec: FieldSpec) -> UploadRule:
    schema = spec.schema
    kinds = (part.strip().lower() for part in str(schema.get("accept", "")).split(","))
    rule = UploadRule(kinds=tuple(filter(None, kinds)), max_bytes=schema.get("max_bytes"))
    if not spec.takes_files:
        return rule
    return UploadRule(
        kinds=rule.kinds,
        max_bytes=rule.max_bytes,
        max_files=schema.get("maxItems", USUAL_FILES),
        max_total_bytes=schema.get("max_total_bytes"),
        is_list=True,
    )


def _description(file: StoredFile) -> dict[str, Any]:
    return {"name": file.name, "size": file.size, "sha256": file.sha256, "media_type": file.media_type}


def with_value(values: Mapping[str, Any], path: Sequence[str], value: Any) -> dict[str, Any]:
    """Return values with another one at a path; missing sections on the way are added."""
    first, *rest = path
    if not rest:
        return {**values, first: value}
    inside = values.get(first)
    return {**values, first: with_value(inside if isinstance(inside, Mapping) else {}, rest, value)}


def _matches(name: str, kind: str) -> bool:
    """Match as browsers match ``accept``: a file extension, a media type, or a group such as ``image/*``."""
    if kind.startswith("."):
        return name.lower().endswith(kind)
    return media_type_of(name).startswith(kind.removesuffix("*"))
