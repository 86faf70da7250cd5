"""`services.webhooks`: create, list, rotate, disable and delete webhooks. Their secrets are stored encrypted."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from pydantic import SecretStr
from sqlalchemy import Engine, RowMapping, delete, insert, select, update
from sqlalchemy.exc import IntegrityError
from uuid_utils.compat import uuid7

from webapp.accounts.accounts import Accounts
from webapp.accounts.user import User
from webapp.db.engine import reading, writing
from webapp.inbound.signature import Scheme, new_secret
from webapp.inbound.webhook import MOST_OVERLAP, InvalidWebhook, Webhook, WebhookDraft, WebhookNotFound, values_of
from webapp.jobs.definition.job_type import JobType
from webapp.jobs.definition.payload import Vault
from webapp.jobs.definition.registry import Registry
from webapp.schema import later, now, webhooks
from webapp.user_policy import user_policy

_FIELDS = tuple(Webhook.__dataclass_fields__)
_COLUMNS = tuple(webhooks.c[name] for name in _FIELDS)


class Webhooks:
    """The webhooks of one installation."""

    def __init__(self, engine: Engine, *, registry: Registry, vault: Vault, accounts: Accounts) -> None:
        self._engine = engine
        self._registry = registry
        self._vault = vault
        self._accounts = accounts

    def types(self) -> tuple[JobType, ...]:
        """Return the job types that allow webhooks."""
        return tuple(job_type for job_type in self._registry if job_type.webhook)

    def add(self, draft: WebhookDraft, *, by: UUID | None = None) -> tuple[Webhook, str]:
        """Create a webhook; return it and its secret, which is not shown again. Raises `InvalidWebhook`."""
        errors: dict[str, str] = {}
        values: dict[str, Any] = {}
        try:
            values = values_of(draft)
        except InvalidWebhook as error:
            errors |= error.errors
        account = self._accounts.by_name(draft.account)
        errors |= self._objections(draft, account, values.get("mapping", {}))
        if errors or account is None:
            raise InvalidWebhook(errors)
        webhook_id, secret = uuid7(), new_secret()
        row = {"id": webhook_id, "type": draft.type, "account_id": account.id, "created_by": by}
        try:
            with writing(self._engine) as connection:
                connection.execute(
                    insert(webhooks).values(**row, **values, secret=self._encrypted(secret), created_at=now())
                )
        except IntegrityError:
            raise InvalidWebhook({"name": f"There is already a webhook named {values['name']}."}) from None
        return self.get(webhook_id), secret

    def get(self, webhook_id: UUID) -> Webhook:
        """Return a webhook; raise `WebhookNotFound`."""
        if found := self._all(webhooks.c.id == webhook_id):
            return found[0]
        raise WebhookNotFound(webhook_id)

    def find(self, reference: str) -> Webhook:
        """Return the webhook with this id or name; raise `WebhookNotFound`."""
        for webhook in self.all():
            if reference in {webhook.name, str(webhook.id)}:
                return webhook
        raise WebhookNotFound(reference)

    def all(self) -> tuple[Webhook, ...]:
        """Return all webhooks by name."""
        return self._all()

    def secrets(self, webhook_id: UUID) -> tuple[str, ...]:
        """Return the secrets that work now: the current one, and the old one for a while after a rotation.

        Raises `UnreadableSecret` if the key of the installation was replaced.
        """
        return self.secrets_with_time(webhook_id)[0]

    def secrets_with_time(self, webhook_id: UUID) -> tuple[tuple[str, ...], datetime]:
        """Return the secrets that work now, and the database's time; raise `UnreadableSecret` as `secrets` does."""
        query = select(webhooks.c.secret, webhooks.c.old_secret, webhooks.c.old_secret_until, now().label("now"))
        with reading(self._engine) as connection:
            row = connection.execute(query.where(webhooks.c.id == webhook_id)).one()
        still = row.old_secret if row.old_secret_until and row.now < row.old_secret_until else None
        return tuple(self._vault.decrypt(stored) for stored in (row.secret, still) if stored), row.now

    def rotate(self, webhook_id: UUID, *, overlap: timedelta = timedelta(days=1)) -> str:
        """Replace the secret and return the new one; the old one works for ``overlap`` longer."""
        if not timedelta(0) <= overlap <= MOST_OVERLAP:
            raise InvalidWebhook({"overlap": f"The old secret can work for at most {MOST_OVERLAP.days} days longer."})
        secret = new_secret()
        values = {
            "old_secret": webhooks.c.secret,
            "old_secret_until": later(overlap.total_seconds()),
            "secret": self._encrypted(secret),
            "rotated_at": now(),
        }
        self._update(webhook_id, values)
        return secret

    def set_disabled(self, webhook_id: UUID, *, disabled: bool) -> None:
        """Refuse further messages, or accept them again."""
        self._update(webhook_id, {"disabled_at": now() if disabled else None})

    def remove(self, webhook_id: UUID) -> None:
        """Delete a webhook with its log. Its jobs are kept."""
        with writing(self._engine) as connection:
            if not connection.execute(delete(webhooks).where(webhooks.c.id == webhook_id)).rowcount:
                raise WebhookNotFound(webhook_id)

    def _objections(self, draft: WebhookDraft, account: User | None, mapping: Mapping[str, Any]) -> dict[str, str]:
        errors = {}
        job_type = self._registry.get(draft.type) if draft.type in self._registry else None
        if job_type is None or not job_type.webhook:
            errors["type"] = "Choose a job type that allows webhooks."
        elif wrong := sorted({field.partition(".")[0] for field in mapping} - _names(job_type)):
            errors["mapping"] = f"{wrong[0]}: {job_type.name} has no such field."
        if account is None or not account.active:
            errors["account"] = "Choose an account that is not disabled."
        elif "type" not in errors and not user_policy(account, self._registry).may_start(draft.type):
            errors["account"] = f"{account.name} cannot start jobs of this type."
        return errors

    def _encrypted(self, secret: str) -> dict[str, str]:
        return self._vault.encrypt(SecretStr(secret))

    def _update(self, webhook_id: UUID, values: Mapping[str, Any]) -> None:
        with writing(self._engine) as connection:
            changed = connection.execute(update(webhooks).where(webhooks.c.id == webhook_id).values(**values))
            if not changed.rowcount:
                raise WebhookNotFound(webhook_id)

    def _all(self, *conditions: Any) -> tuple[Webhook, ...]:
        with reading(self._engine) as connection:
            rows = connection.execute(select(*_COLUMNS).where(*conditions).order_by(webhooks.c.name)).mappings()
            return tuple(_webhook(row) for row in rows)


def old_secret_works(webhook: Webhook, at: datetime) -> bool:
    """Return whether the secret before the last rotation still works."""
    return webhook.old_secret_until is not None and at < webhook.old_secret_until


def _names(job_type: JobType) -> set[str]:
    fields = job_type.payload_class.model_fields
    return {*fields, *(field.alias for field in fields.values() if field.alias)}


def _webhook(row: RowMapping) -> Webhook:
    return Webhook(**{name: row[name] for name in _FIELDS} | {"scheme": Scheme(row["scheme"])})
