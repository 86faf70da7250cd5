"""The title of a new job: what its type computes from the payload, or that of the type with the name of its file.

A computed title passes the one way in for texts, has no secrets and no line breaks, and is cut to the limit. A function
that fails costs its job nothing but the title.
"""

import logging
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from webapp.jobs.definition.job_type import InvalidPayload, JobType
from webapp.jobs.definition.payload import UnreadableSecret, Vault, load_payload, secret_values
from webapp.jobs.model.incoming_text import TITLE_LIMIT, text_of, visible_text
from webapp.jobs.model.secret_mask import SecretMask
from webapp.jobs.store.file_names import clean_name

log = logging.getLogger(__name__)


def title_of(job_type: JobType, payload: BaseModel, stored: Mapping[str, Any], vault: Vault) -> str:
    """Return the title of a job with this payload; ``stored`` is the payload as its row has it. Never raises."""
    if not job_type.titles_its_jobs:
        return job_type.title
    mask = SecretMask(secret_values(stored, vault))
    if job_type.title_from is None:
        return _with_files(job_type, payload, mask)
    try:
        computed = _text_or_none(job_type.title_from(payload))
    except Exception as error:  # noqa: BLE001  (foreign code)
        why = f"{type(error).__name__}: {text_of(error)}"
        log.warning("The title of a job of type %r cannot be computed: %s", job_type.name, mask.text(why))
        return job_type.title
    one_line = " ".join(visible_text(mask.text(computed or "")).split())
    return _shortened(one_line, TITLE_LIMIT) or job_type.title


def usual_title(job_type: JobType, stored: Mapping[str, Any], vault: Vault) -> str:
    """Return the title that a job with this stored payload has unless another one was chosen."""
    if not job_type.titles_its_jobs:
        return job_type.title
    try:
        return title_of(job_type, load_payload(job_type, stored, vault), stored, vault)
    except (InvalidPayload, UnreadableSecret):  # the type or the key has changed since
        return job_type.title


def _with_files(job_type: JobType, payload: BaseModel, mask: SecretMask) -> str:
    """Return "Dataset report: planes.csv", or with several files "Letters: may.csv +2"."""
    names = [file.name for field in job_type.uploads for file in _files(payload, field)]
    if not names:
        return job_type.title
    more = f" +{len(names) - 1}" if len(names) > 1 else ""
    most = TITLE_LIMIT - len(job_type.title) - len(": ") - len(more)
    name = clean_name(mask.text(names[0]))
    return f"{job_type.title}: {_shortened(name, most)}{more}" if most > 1 else job_type.title


def _shortened(text: str, most: int) -> str:
    """Return a text of at most ``most`` characters. A title has no room for saying how long it was."""
    return text if len(text) <= most else f"{text[: most - 1].rstrip()}…"


def _files(payload: BaseModel, path: str) -> list[Any]:
    """Return the uploads of a field, which is named by its path."""
    value: Any = payload
    for name in path.split("."):
        value = getattr(value, name, None)
    return list(value) if isinstance(value, list | tuple) else [value] if value is not None else []


def _text_or_none(computed: object) -> str | None:
    if computed is None or isinstance(computed, str):
        return computed
    message = f"a title must be a text, not {type(computed).__name__}"
    raise TypeError(message)
