"""Which files the upload fields of a payload accept: one check for pages, the command line and code. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import humanize
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from webapp.jobs.store.file_store import StoredFile, media_type_of


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadRule:
    """What a field accepts: file extensions and media types (none = any), and a maximum size in bytes."""

    kinds: tuple[str, ...] = ()
    max_bytes: int | None = None

    def refusal(self, name: str, count: int) -> str:
        """Return why a file of this name and ``count`` bytes is rejected; an empty text if it is accepted."""
        if self.kinds and not any(_matches(name, kind) for kind in self.kinds):
            return f"{name} is not an accepted file type. Choose a file of type {join_with_or(self.kinds)}."
        if not count:
            return f"{name} is empty. Choose another file."
        if self.max_bytes is not None and count > self.max_bytes:
            return f"{name} is larger than the limit of {format_size(self.max_bytes)}. Choose a smaller file."
        return ""


def upload_rule_of(payload_class: type[BaseModel], field: str) -> UploadRule:
    """Return the rule in the field's ``json_schema_extra``; ``field`` is its name in a request."""
    fields = {_request_name(name, info): info for name, info in payload_class.model_fields.items()}
    extra: Any = fields[field].json_schema_extra if field in fields else None
    options: Mapping[str, Any] = extra if isinstance(extra, Mapping) else {}
    kinds = (part.strip().lower() for part in str(options.get("accept", "")).split(","))
    return UploadRule(kinds=tuple(filter(None, kinds)), max_bytes=options.get("max_bytes"))


def rejected_uploads(payload_class: type[BaseModel], files: Mapping[str, StoredFile]) -> dict[str, str]:
    """Return the message for each field whose file is rejected."""
    messages = {
        field: upload_rule_of(payload_class, field).refusal(file.name, file.size) for field, file in files.items()
    }
    return {field: message for field, message in messages.items() if message}


def join_with_or(parts: Sequence[str]) -> str:
    """Join alternatives: ``.csv``, ``.xlsx`` and ``.tsv`` become ".csv, .xlsx or .tsv"."""
    return " or ".join(filter(None, [", ".join(parts[:-1]), *parts[-1:]]))


def format_size(count: int) -> str:
    """Return a number of bytes in readable form: 205 kB, 2.1 GB."""
    return humanize.naturalsize(count).replace(".0 ", " ").replace("Byte", "byte")


def _request_name(name: str, info: FieldInfo) -> str:
    alias = info.validation_alias or info.alias
    return alias if isinstance(alias, str) else name


def _matches(name: str, kind: str) -> bool:
    """Match as browsers match ``accept``: a file extension, a media type, or a group such as ``image/*``."""
    if kind.startswith("."):
        return name.lower().endswith(kind)
    return media_type_of(name).startswith(kind.removesuffix("*"))
