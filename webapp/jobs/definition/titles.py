"""The title of a new job: that of its type, or what the type computes from the payload.

A computed title passes the one way in for texts, has no secrets and no line breaks, and is cut to the limit. A function
that fails costs its job nothing but the title.
"""

import logging
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from webapp.jobs.definition.job_type import InvalidPayload, JobType
from webapp.jobs.definition.payload import UnreadableSecret, Vault, load_payload, secret_values
from webapp.jobs.model.incoming_text import TITLE_LIMIT, clean_text, text_of, visible_text
from webapp.jobs.model.secret_mask import SecretMask

log = logging.getLogger(__name__)


def title_of(job_type: JobType, payload: BaseModel, stored: Mapping[str, Any], vault: Vault) -> str:
    """Return the title of a job with this payload; ``stored`` is the payload as its row has it. Never raises."""
    if job_type.title_from is None:
        return job_type.title
    mask = SecretMask(secret_values(stored, vault))
    try:
        computed = _text_or_none(job_type.title_from(payload))
    except Exception as error:  # noqa: BLE001  (foreign code)
        why = f"{type(error).__name__}: {text_of(error)}"
        log.warning("The title of a job of type %r cannot be computed: %s", job_type.name, mask.text(why))
        return job_type.title
    one_line = " ".join(visible_text(mask.text(computed or "")).split())
    return clean_text(one_line, TITLE_LIMIT) or job_type.title


def usual_title(job_type: JobType, stored: Mapping[str, Any], vault: Vault) -> str:
    """Return the title that a job with this stored payload has unless another one was chosen."""
    if job_type.title_from is None:
        return job_type.title
    try:
        return title_of(job_type, load_payload(job_type, stored, vault), stored, vault)
    except (InvalidPayload, UnreadableSecret):  # the type or the key has changed since
        return job_type.title


def _text_or_none(computed: object) -> str | None:
    if computed is None or isinstance(computed, str):
        return computed
    message = f"a title must be a text, not {type(computed).__name__}"
    raise TypeError(message)
