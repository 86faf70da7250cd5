"""Webhooks: create and manage them, and read their messages. The messages themselves are sent to another address."""

from datetime import timedelta
from typing import Any, Literal
from uuid import UUID

from flask import abort
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, JsonValue

from webapp.accounts.permissions import Right
from webapp.accounts.tokens import Scope
from webapp.api.lists import LINK, LimitQuery, Page, page_reply
from webapp.api.operations import Answer, Operations, Reply
from webapp.api.problems import InvalidInput
from webapp.inbound.message_log import NOT_RETRIABLE, WebhookMessage, WebhookMessageNotFound
from webapp.inbound.webhook import MOST_BYTES, MOST_PER_MINUTE, InvalidWebhook, Webhook, WebhookDraft
from webapp.views.page.problem_details import API_ROOT
from webapp.views.page.public_path import public_url_of
from webapp.views.page.request import services
from webapp.views.webhooks import actions

operations = Operations("webhooks")
WEBHOOK = "/webhooks/<uuid:webhook_id>"
MESSAGE = f"{WEBHOOK}/messages/<int:message_id>"
_SEE, _CHANGE = Right.SEE_INSTALLATION, Right.CHANGE_WEBHOOKS


class WebhookDocument(BaseModel):
    """A webhook. Messages are sent to `address`; its secret is shown only when it is made."""

    model_config = ConfigDict(extra="forbid")

    id: UUID
    name: str
    address: str = Field(description="Where messages are sent to.")
    type: str
    account_id: UUID
    scheme: Literal["standard", "github", "header"]
    header: str
    mapping: dict[str, JsonValue]
    id_path: str
    window: int = Field(description="How many seconds old a message can be.")
    max_bytes: int
    per_minute: int
    disabled_at: AwareDatetime | None
    created_at: AwareDatetime
    created_by: UUID | None
    rotated_at: AwareDatetime | None
    old_secret_until: AwareDatetime | None = Field(description="Until when the secret before the last one works.")


class SecretDocument(BaseModel):
    """A secret, which is shown only once."""

    model_config = ConfigDict(extra="forbid")

    webhook: WebhookDocument
    secret: str


class NewWebhook(BaseModel):
    """What to create. `account` is the name of the account that owns the jobs."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(min_length=1, max_length=80)
    type: str = Field(min_length=1, max_length=80, description="A job type that allows webhooks.")
    account: str = Field(min_length=1, max_length=120)
    scheme: Literal["standard", "github", "header"] = "standard"
    header: str = Field(default="", max_length=80, description="The header with the secret, for the scheme `header`.")
    mapping: dict[str, JsonValue] = Field(default_factory=dict, description="Maps fields to paths in the message.")
    id_path: str = Field(default="", max_length=400, description="The path of the id of a message.")
    window: int = Field(default=300, ge=1, le=86_400)
    max_bytes: int = Field(default=256 * 1024, ge=1, le=MOST_BYTES)
    per_minute: int = Field(default=60, ge=1, le=MOST_PER_MINUTE)


class RotateBody(BaseModel):
    """How many hours the old secret still works."""

    model_config = ConfigDict(extra="forbid")

    overlap_hours: float = Field(default=24, ge=0, le=168)


class MessageDocument(BaseModel):
    """A received message. `status` is that of the response; `job_id` the job that it started."""

    model_config = ConfigDict(extra="forbid")

    id: int
    webhook_id: UUID
    at: AwareDatetime
    message_id: str
    address: str
    request_id: str
    size: int
    status: int
    detail: str
    job_id: UUID | None
    tried_again_at: AwareDatetime | None
    can_retry: bool


class MessagesQuery(LimitQuery):
    """Which messages."""

    before: int | None = Field(
        default=None, ge=1, le=2**63 - 1, description="Messages older than this one: the next page."
    )


_FOUND = Answer(model=WebhookDocument, description="The webhook.")


@operations.add(
    "GET",
    "/webhooks",
    scope=Scope.READ,
    right=_SEE,
    answers={200: Answer(model=Page[WebhookDocument], description="All webhooks.")},
)
def list_webhooks() -> Any:
    """List the webhooks."""
    return page_reply(list(map(_document, services().webhooks.all())), following=None)


@operations.add(
    "POST",
    "/webhooks",
    scope=Scope.ADMIN,
    right=_CHANGE,
    body=NewWebhook,
    returns_secret=True,
    answers={201: Answer(model=SecretDocument, description="The webhook and its secret.", headers=("Location",))},
)
def create_webhook(body: NewWebhook) -> Any:
    """Create a webhook, which starts a job for each signed message of another system.

    The secret is shown only in this answer.
    """
    try:
        webhook, secret = actions.add_webhook(WebhookDraft(**body.model_dump()))
    except InvalidWebhook as error:
        raise InvalidInput(*({"pointer": f"#/{name}", "detail": text} for name, text in error.errors.items())) from None
    location = public_url_of(f"{API_ROOT}/webhooks/{webhook.id}")
    return Reply(document=_with_secret(webhook, secret), status=201, headers={"Location": location})


@operations.add("GET", WEBHOOK, scope=Scope.READ, right=_SEE, answers={200: _FOUND})
def get_webhook(webhook_id: UUID) -> Any:
    """Get a webhook."""
    return _document(services().webhooks.get(webhook_id))


@operations.add(
    "DELETE", WEBHOOK, scope=Scope.ADMIN, right=_CHANGE, answers={204: Answer(description="It was deleted.")}
)
def delete_webhook(webhook_id: UUID) -> Any:
    """Delete a webhook with its log. Its jobs are kept."""
    actions.remove_webhook(services().webhooks.get(webhook_id))


@operations.add(
    "POST",
    f"{WEBHOOK}/rotate",
    scope=Scope.ADMIN,
    right=_CHANGE,
    body=RotateBody,
    returns_secret=True,
    answers={200: Answer(model=SecretDocument, description="The webhook and its new secret.")},
)
def rotate_webhook(webhook_id: UUID, body: RotateBody) -> Any:
    """Replace the secret of a webhook. The new one is shown only in this answer."""
    webhook = services().webhooks.get(webhook_id)
    secret = actions.rotate_secret(webhook, timedelta(hours=body.overlap_hours))
    return _with_secret(services().webhooks.get(webhook_id), secret)


@operations.add("POST", f"{WEBHOOK}/disable", scope=Scope.ADMIN, right=_CHANGE, answers={200: _FOUND})
def disable_webhook(webhook_id: UUID) -> Any:
    """Refuse further messages of a webhook."""
    actions.set_disabled(services().webhooks.get(webhook_id), disabled=True)
    return get_webhook(webhook_id)


@operations.add("POST", f"{WEBHOOK}/enable", scope=Scope.ADMIN, right=_CHANGE, answers={200: _FOUND})
def enable_webhook(webhook_id: UUID) -> Any:
    """Accept the messages of a webhook again."""
    actions.set_disabled(services().webhooks.get(webhook_id), disabled=False)
    return get_webhook(webhook_id)


@operations.add(
    "GET",
    f"{WEBHOOK}/messages",
    scope=Scope.READ,
    right=_SEE,
    query=MessagesQuery,
    answers={200: Answer(model=Page[MessageDocument], description="The messages, newest first.", headers=LINK)},
)
def list_messages(webhook_id: UUID, query: MessagesQuery) -> Any:
    """List the messages of a webhook, with their responses."""
    webhook = services().webhooks.get(webhook_id)
    found = services().webhook_messages.of(webhook.id, query.limit + 1, before=query.before)
    shown = found[: query.limit]
    following = {"before": shown[-1].id} if len(found) > query.limit else None
    return page_reply(list(map(_message, shown)), following=following)


@operations.add(
    "GET",
    MESSAGE,
    scope=Scope.READ,
    right=_SEE,
    answers={200: Answer(model=MessageDocument, description="The message.")},
)
def get_message(webhook_id: UUID, message_id: int) -> Any:
    """Get a message of a webhook, with its response."""
    return _message(_received(webhook_id, message_id))


@operations.add(
    "POST",
    f"{MESSAGE}/retry",
    scope=Scope.ADMIN,
    right=_CHANGE,
    answers={200: Answer(model=MessageDocument, description="The message with its new answer.")},
)
def retry_message(webhook_id: UUID, message_id: int) -> Any:
    """Retry an authentic message that started no job."""
    received = _received(webhook_id, message_id)
    if not received.can_retry:
        abort(409, NOT_RETRIABLE)
    actions.try_again(services().webhooks.get(webhook_id), received)
    return _message(_received(webhook_id, message_id))


def _received(webhook_id: UUID, message_id: int) -> WebhookMessage:
    try:
        return services().webhook_messages.get(services().webhooks.get(webhook_id).id, message_id)
    except (WebhookMessageNotFound, OverflowError):
        abort(404)


def _document(webhook: Webhook) -> dict[str, Any]:
    names = (name for name in WebhookDocument.model_fields if name != "address")
    return {**{name: getattr(webhook, name) for name in names}, "address": actions.address_of(webhook)}


def _with_secret(webhook: Webhook, secret: str) -> dict[str, Any]:
    return {"webhook": _document(webhook), "secret": secret}


def _message(received: WebhookMessage) -> dict[str, Any]:
    return {name: getattr(received, name) for name in MessageDocument.model_fields}
