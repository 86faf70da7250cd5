"""Receives a message: checks signature, permission, JSON and payload, starts its job once, and logs it.

Every message gets an answer and a line in the log, whatever is wrong with it. Nothing of a message that is not
authentic is stored besides its size and where it came from.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from types import MappingProxyType
from uuid import UUID

from webapp.accounts.accounts import Accounts
from webapp.accounts.audit_log import AuditAction, AuditActor, AuditLine, AuditTarget
from webapp.accounts.audit_log_writer import row_of
from webapp.accounts.user import User
from webapp.db.joined_insert import JoinedRow
from webapp.inbound import payload_mapping
from webapp.inbound.message_log import NOT_RETRIABLE, WebhookMessage, WebhookMessages
from webapp.inbound.signature import AuthenticMessage, NotAuthentic, authenticate
from webapp.inbound.webhook import Webhook
from webapp.inbound.webhooks import Webhooks
from webapp.jobs.budgets.admission import BudgetUsedUp
from webapp.jobs.definition.disabled_types import TypeDisabled
from webapp.jobs.definition.job_type import InvalidPayload
from webapp.jobs.definition.payload import UnreadableSecret
from webapp.jobs.model.job import BadRequest, Job, Owner
from webapp.jobs.model.json_values import NotStorable
from webapp.jobs.queueing.queues import UnknownQueue
from webapp.jobs.service import Jobs
from webapp.jobs.store import events
from webapp.jobs.store.unique_keys import KeyConflict
from webapp.strict_json import BadJson, parse_json
from webapp.telemetry.log_context import request_id
from webapp.user_policy import user_policy

ACCEPTED = 202
Throttle = Callable[[str, int], int]  # of a key and a limit per minute: the seconds to wait
_STATUSES: Mapping[type[Exception], int] = MappingProxyType(
    {
        BadJson: 400,
        **dict.fromkeys((KeyConflict, TypeDisabled, BudgetUsedUp), 409),
        **dict.fromkeys((payload_mapping.BadMapping, BadRequest, NotStorable, UnknownQueue), 422),
    }
)
_REFUSALS_PER_MINUTE = 30  # that are logged for one webhook


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookAnswer:
    """The answer to a message; ``errors`` are those of a problem document."""

    status: int
    detail: str = ""
    errors: tuple[Mapping[str, str], ...] = ()
    job_id: UUID | None = None
    repeated: bool = False
    retry_after: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookRequest:
    """A request. The names of ``headers`` are in lower case; ``body`` is None if it was too large to be read."""

    headers: Mapping[str, str]
    body: bytes | None
    size: int
    address: str = ""


class _Refusal(Exception):
    """Ends the processing of a message with a response."""

    def __init__(self, answer: WebhookAnswer) -> None:
        super().__init__(answer.detail)
        self.answer = answer


class Reception:
    """Processes messages."""

    def __init__(self, *, webhooks: Webhooks, messages: WebhookMessages, accounts: Accounts, jobs: Jobs) -> None:
        self._webhooks = webhooks
        self._messages = messages
        self._accounts = accounts
        self._jobs = jobs

    def receive(self, webhook_id: UUID, message: WebhookRequest, throttle: Throttle) -> WebhookAnswer:
        """Process a message, log it and return the response; raise `WebhookNotFound` for an unknown webhook."""
        webhook = self._webhooks.get(webhook_id)
        try:
            authentic = self._authenticate(webhook, message, throttle)
        except _Refusal as refusal:
            if not throttle(f"webhook-refusals-{webhook.id}", _REFUSALS_PER_MINUTE):
                self._log(webhook, message, refusal.answer)
            return refusal.answer
        except UnreadableSecret:
            answer = _problem(503, "The secret of this webhook cannot be decrypted. Its secret must be rotated.")
            self._log(webhook, message, answer)
            return answer
        answer = self._start(webhook, message.body or b"", message.headers, authentic, message.address)
        self._log(webhook, message, answer, authentic)
        return answer

    def try_again(self, received: WebhookMessage) -> WebhookAnswer:
        """Retry an authentic message that started no job, because something else has changed since."""
        webhook, kept = self._webhooks.get(received.webhook_id), self._messages.body_of(received)
        if kept is None or received.job_id is not None:
            return _problem(409, NOT_RETRIABLE)
        authentic = AuthenticMessage(id=received.message_id, key=kept.key)
        # a message without a key of its own starts one job too if it is retried twice at once
        answer = self._start(
            webhook, kept.body, kept.headers, authentic, received.address, keyless=f"retry of {received.id}"
        )
        self._messages.set_answer(received.id, status=answer.status, detail=_line(answer), job_id=answer.job_id)
        return answer

    def _authenticate(self, webhook: Webhook, message: WebhookRequest, throttle: Throttle) -> AuthenticMessage:
        if message.body is None or len(message.body) > webhook.max_bytes:
            raise _Refusal(_problem(413, f"A message can have at most {webhook.max_bytes} bytes."))
        secrets, now = self._webhooks.secrets_with_time(webhook.id)
        try:
            authentic = authenticate(
                webhook.scheme,
                secrets,
                message.headers,
                message.body,
                header=webhook.header,
                now=now.timestamp(),
                window=webhook.window,
            )
        except NotAuthentic as error:
            raise _Refusal(_problem(401, str(error))) from None
        if seconds := throttle(f"webhook-{webhook.id}", webhook.per_minute):
            sentence = f"This webhook takes at most {webhook.per_minute} messages per minute. Wait {seconds} s."
            raise _Refusal(WebhookAnswer(status=429, detail=sentence, retry_after=seconds))
        return authentic

    def _start(
        self,
        webhook: Webhook,
        body: bytes,
        headers: Mapping[str, str],
        authentic: AuthenticMessage,
        address: str,
        *,
        keyless: str = "",
    ) -> WebhookAnswer:
        """Start a job; ``keyless`` is the key of a message that has none."""
        try:
            return self._start_job(webhook, body, headers, authentic, address=address, keyless=keyless)
        except _Refusal as refusal:
            return refusal.answer
        except InvalidPayload as error:
            listed = ({"pointer": f"#/{name.replace('.', '/')}", "detail": text} for name, text in error.errors.items())
            return WebhookAnswer(status=422, detail="The message does not fit the job type.", errors=tuple(listed))
        except tuple(_STATUSES) as error:
            return _problem(next(status for kind, status in _STATUSES.items() if isinstance(error, kind)), str(error))

    def _start_job(
        self,
        webhook: Webhook,
        body: bytes,
        headers: Mapping[str, str],
        authentic: AuthenticMessage,
        *,
        address: str,
        keyless: str,
    ) -> WebhookAnswer:
        owner, key = self._owner(webhook), authentic.key
        message = parse_json(body)
        if webhook.id_path:
            own_id = payload_mapping.value_at(webhook.id_path, message)
            if not isinstance(own_id, str | int):
                raise _Refusal(_problem(422, f"The message has no id at {webhook.id_path}."))
            key = key or str(own_id)
        job_type = self._jobs.registry.get(webhook.type)
        payload = payload_mapping.payload_of(webhook.mapping, message, headers)
        job_type.parse(payload, strict=True)
        actor = AuditActor(id=owner.id, name=owner.name, role=owner.role.value, address=address, token=webhook.name)

        def record(job: Job) -> JoinedRow:
            after = {"type": job.type, "webhook": webhook.name}
            line = AuditLine(
                actor=actor,
                action=AuditAction.JOB_CREATE,
                kind=AuditTarget.JOB,
                id=str(job.id),
                name=job.title,
                after=after,
            )
            return row_of(line)

        named = events.acting_token.set(webhook.name)
        try:
            created = self._jobs.create_or_find_job(
                webhook.type,
                payload,
                owner=Owner(user_id=owner.id, tenant=owner.tenant),
                triggered_by=owner.id,
                request_key=_request_key(webhook, key or keyless),
                record=record,
            )
        finally:
            events.acting_token.reset(named)
        return WebhookAnswer(status=ACCEPTED, job_id=created.job.id, repeated=not created.created)

    def _owner(self, webhook: Webhook) -> User:
        """Return the account of the jobs; refuse the message if it may not start them, or the webhook is disabled."""
        if webhook.disabled_at is not None:
            raise _Refusal(_problem(403, "This webhook is disabled."))
        registry = self._jobs.registry
        if webhook.type not in registry or not registry.get(webhook.type).webhook:
            raise _Refusal(_problem(409, "The job type of this webhook is not installed or no longer allows webhooks."))
        account = self._accounts.get(webhook.account_id)
        if account is None or not account.active or not user_policy(account, registry).may_start(webhook.type):
            raise _Refusal(_problem(403, "The account of this webhook can no longer start its jobs."))
        return account

    def _log(
        self,
        webhook: Webhook,
        message: WebhookRequest,
        answer: WebhookAnswer,
        authentic: AuthenticMessage | None = None,
    ) -> None:
        self._messages.add(
            webhook.id,
            None if authentic is None else (message.body or b""),
            payload_mapping.headers_of(webhook.mapping, message.headers),
            message_id=authentic.id if authentic else "",
            key=authentic.key if authentic else "",
            address=message.address[:64],
            request_id=request_id.get(),
            size=message.size,
            status=answer.status,
            detail=_line(answer),
            job_id=answer.job_id,
        )


def _problem(status: int, detail: str) -> WebhookAnswer:
    return WebhookAnswer(status=status, detail=detail)


def _line(answer: WebhookAnswer) -> str:
    """Return the response for the log."""
    if answer.repeated:
        return "This message has already started its job."
    listed = (f"{error.get('pointer', '')[2:]}: {error['detail']}" for error in answer.errors)
    return " ".join([answer.detail, *listed]).strip()


def _request_key(webhook: Webhook, key: str) -> str | None:
    """Return the key under which the engine starts one job for a message and its repetitions."""
    return f"webhook-{sha256(webhook.id.bytes + key.encode()).hexdigest()}" if key else None
