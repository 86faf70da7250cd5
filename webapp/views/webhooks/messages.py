"""Receives the messages, below the API, because their senders are programs; they are signed and need no token."""

from functools import lru_cache
from typing import Any, cast
from uuid import UUID

from flask import Blueprint, Response, abort, current_app, jsonify, request
from werkzeug.exceptions import RequestEntityTooLarge

from webapp.inbound.reception import WebhookAnswer, WebhookRequest
from webapp.inbound.webhook import WebhookNotFound
from webapp.telemetry.log_context import add_request_fields
from webapp.views.page.problem_details import API_ROOT, problem
from webapp.views.page.request import services
from webapp.views.security.token_throttle import TokenThrottle

bp = Blueprint("webhook_messages", __name__, url_prefix=f"{API_ROOT}/hooks")
_MOST_LIMITS = 256  # different ones


@bp.route("/<uuid:webhook_id>", methods=["POST"], provide_automatic_options=False)
def receive(webhook_id: UUID) -> Response:
    """Process a message, and answer with 202 or a problem document."""
    try:
        body: bytes | None = request.get_data()
    except RequestEntityTooLarge:
        body = None
    size = len(body) if body is not None else request.content_length or 0
    message = WebhookRequest(
        headers={name.lower(): value for name, value in request.headers.items()},
        body=body,
        size=min(size, 2**31 - 1),
        address=request.remote_addr or "",
    )
    try:
        answer = services().reception.receive(webhook_id, message, _seconds_to_wait)
    except WebhookNotFound:
        abort(404)
    if answer.job_id is not None:
        add_request_fields(job_id=str(answer.job_id), webhook_id=str(webhook_id))
    return response_of(answer)


def response_of(answer: WebhookAnswer) -> Response:
    """Return the response that a sender gets."""
    if answer.job_id is None:
        headers = {"Retry-After": str(answer.retry_after)} if answer.retry_after else {}
        return problem(answer.status, answer.detail, errors=answer.errors, headers=headers)
    response = jsonify({"job": str(answer.job_id), "repeated": answer.repeated})
    response.status_code = answer.status
    return response


def _seconds_to_wait(key: str, per_minute: int) -> int:
    return _throttle(cast(Any, current_app)._get_current_object(), per_minute).seconds_to_wait(key)  # noqa: SLF001


@lru_cache(_MOST_LIMITS)
def _throttle(_app: object, per_minute: int) -> TokenThrottle:
    return TokenThrottle(f"{per_minute} per minute", services().settings.redis)
