"""Which files the upload fields of a payload take: the same check for page, command line and code. Pure.

Lists and sizes in words, for sentences that people read.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import humanize
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from webapp.jobs.store.file_store import StoredFile, media_type_of


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadRule:
    """What a field takes: endings and media types (none named: any), and how many bytes at most."""

    kinds: tuple[str, ...] = ()
    max_bytes: int | None = None

    def refusal(self, name: str, count: int) -> str:
        """Return the sentence that refuses a file of this name and so many bytes; empty for one that is taken."""
        if self.kinds and not any(_fits(name, kind) for kind in self.kinds):
            return f"{name} is not an accepted file type. Choose a file of type {join_with_or(self.kinds)}."
        if not count:
            return f"{name} is empty. Choose another file."
        if self.max_bytes is not None and count > self.max_bytes:
            return f"{name} is larger than the limit of {format_size(self.max_bytes)}. Choose a smaller file."
        return ""


def upload_rule_of(payload_class: type[BaseModel], field: str) -> UploadRule:
    """Return what the field says in its ``json_schema_extra``; ``field`` is the name it is sent under."""
    fields = {_sent_as(name, info): info for name, info in payload_class.model_fields.items()}
    extra: Any = fields[field].json_schema_extra if field in fields else None
    said: Mapping[str, Any] = extra if isinstance(extra, Mapping) else {}
    kinds = (part.strip().lower() for part in str(said.get("accept", "")).split(","))
    return UploadRule(kinds=tuple(filter(None, kinds)), max_bytes=said.get("max_bytes"))


def rejected_uploads(payload_class: type[BaseModel], files: Mapping[str, StoredFile]) -> dict[str, str]:
    """Map each field to the sentence that refuses its file."""
    found = {field: upload_rule_of(payload_class, field).refusal(file.name, file.size) for field, file in files.items()}
    return {field: sentence for field, sentence in found.items() if sentence}


def _sent_as(name: str, info: FieldInfo) -> str:
    alias = info.validation_alias or info.alias
    return alias if isinstance(alias, str) else name


def _fits(name: str, kind: str) -> bool:
    """As browsers read ``accept``: an ending, a media type, or a family of them."""
    if kind.startswith("."):
        return name.lower().endswith(kind)
    return media_type_of(name).startswith(kind.removesuffix("*"))


def join_with_or(parts: Sequence[str]) -> str:
    """Enumerate: ``.csv``, ``.xlsx`` and ``.tsv`` are ".csv, .xlsx or .tsv"."""
    return " or ".join(filter(None, [", ".join(parts[:-1]), *parts[-1:]]))


def format_size(count: int) -> str:
    """Say how many bytes: 205 kB, 2.1 GB."""
    return humanize.naturalsize(count).replace(".0 ", " ").replace("Byte", "byte")
