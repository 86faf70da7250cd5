"""Errors of the API as problem documents (RFC 9457). They never repeat what was sent: it can hold a secret."""

import json
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from uuid import UUID

from flask import Request, Response, request

API_ROOT = "/api/v1"
_BELOW = f"{API_ROOT}/"
MEDIA_TYPE = "application/problem+json"


def is_api_request(asked: Request | None = None) -> bool:
    """Return whether a request, by default this one, is for the API, even if it has no such operation."""
    path = (asked or request).path
    return path == API_ROOT or path.startswith(_BELOW)


def problem(
    status: int,
    detail: str = "",
    *,
    errors: Iterable[Mapping[str, str]] = (),
    headers: Mapping[str, str] | None = None,
    job_id: UUID | None = None,
) -> Response:
    """Return a problem document; ``errors`` have a ``detail`` each, and a ``pointer`` or ``parameter`` to its place.

    ``job_id`` is the job that is in the way.
    """
    document: dict[str, object] = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status}
    if detail:
        document["detail"] = detail
    if listed := list(errors):
        document["errors"] = listed
    if job_id is not None:
        document["job_id"] = str(job_id)
    response = Response(json.dumps(document, ensure_ascii=False), status, mimetype=MEDIA_TYPE)
    response.headers.update(headers or {})
    return response
