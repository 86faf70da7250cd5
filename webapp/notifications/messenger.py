"""Delivers one message over the channel of its rule, and records how it went."""

from collections.abc import Collection
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Engine

from webapp.accounts.accounts import Accounts
from webapp.accounts.user import User
from webapp.config import Settings
from webapp.db.engine import reading
from webapp.jobs.definition.payload import UnreadableSecret
from webapp.jobs.definition.registry import Registry
from webapp.jobs.store.attachments import Attachments
from webapp.notifications.channels import chat, mail, webhook
from webapp.notifications.channels.delivery_errors import NotDelivered, Undeliverable
from webapp.notifications.channels.message import Files, Message, MessageWriter
from webapp.notifications.channels.public_address import parse_networks
from webapp.notifications.channels.webhook_event import webhook_event
from webapp.notifications.delivery_log import Delivery, DeliveryLog, DeliveryNotFound, DeliveryStatus
from webapp.notifications.job_events import Reader
from webapp.notifications.readable_facts import ReadableFacts, readable_facts
from webapp.notifications.rule import Channel, NotificationRule
from webapp.notifications.rules import NotificationRules, RuleNotFound
from webapp.schema import database_time
from webapp.user_policy import user_policy

GIVE_UP_AFTER = timedelta(days=3)  # since the message was created, or redelivered
_DELAYS = tuple(timedelta(seconds=seconds) for seconds in (15, 60, 300, 900, 3600))
_MOST_FILES = 3  # of a job


class Messenger:
    """Delivers messages of one installation."""

    def __init__(
        self,
        engine: Engine,
        settings: Settings,
        *,
        rules: NotificationRules,
        log: DeliveryLog,
        accounts: Accounts,
        registry: Registry,
    ) -> None:
        self._engine = engine
        self._settings = settings
        self._rules = rules
        self._log = log
        self._accounts = accounts
        self._registry = registry
        self._files = Attachments(engine)

    def deliver(self, delivery_id: UUID) -> str:
        """Deliver a message and return what the receiver said; do nothing if it has already arrived.

        Raises `NotDelivered` if it should be tried again after `delay_after`, otherwise `Undeliverable`; the log
        has the reason then.
        """
        try:
            delivery = self._log.get(delivery_id)
        except DeliveryNotFound as error:
            raise Undeliverable(str(error)) from None
        if delivery.status in {DeliveryStatus.DELIVERED, DeliveryStatus.COLLECTING}:
            return delivery.error  # or another job is about to send it again
        try:
            remark = self._send(delivery)
        except NotDelivered as error:
            if self._is_too_old(delivery):
                self._log.record_failure(delivery_id, str(error), final=True)
                raise Undeliverable(str(error)) from None
            self._log.record_failure(delivery_id, str(error), final=False)
            raise
        except Undeliverable as error:
            self._log.record_failure(delivery_id, str(error), final=True)
            raise
        except Exception as error:
            self._log.record_failure(delivery_id, f"Unexpected error: {type(error).__name__}", final=True)
            raise
        self._log.record_success(delivery_id, remark)
        return remark

    def delay_after(self, delivery_id: UUID) -> timedelta:
        """Return when to try again; delays grow up to an hour."""
        attempts = self._log.get(delivery_id).attempts
        return _DELAYS[min(max(attempts, 1), len(_DELAYS)) - 1]

    def _send(self, delivery: Delivery) -> str:
        rule, reader = self._rule_and_reader(delivery)
        readable = self._readable(delivery, rule, reader)
        try:
            target = self._rules.target(rule.id)
        except UnreadableSecret:
            raise Undeliverable(
                "The address cannot be decrypted because SECRET_KEY has changed. Edit the rule and enter it again."
            ) from None
        networks = parse_networks(self._settings.notify_networks)
        if rule.channel is Channel.WEBHOOK:
            event = webhook_event(readable.facts[0], self._settings.public_url)
            return webhook.post(
                target.address, target.signing_key, str(delivery.id), self._now(), event, networks=networks
            )
        message = self._message(delivery, readable, rule, reader)
        if rule.channel is Channel.CHAT:
            chat.send(target.address, message, networks)
            return ""
        return self._send_mail(delivery, message, rule, reader)

    def _send_mail(self, delivery: Delivery, message: Message, rule: NotificationRule, reader: User | None) -> str:
        if not self._settings.smtp_url:
            raise NotDelivered("This installation has no mail server. An admin can set DESKJOB_SMTP_URL.")
        recipients = rule.recipients if reader is None else tuple(filter(None, [reader.email]))
        if not recipients:
            raise Undeliverable("The account has no email address.")
        built = mail.build_mail(message, self._settings.sender, recipients, f"{delivery.id}.{delivery.event_count}")
        return mail.send(mail.MailServer.of(self._settings.smtp_url), built)

    def _rule_and_reader(self, delivery: Delivery) -> tuple[NotificationRule, User | None]:
        try:
            rule = self._rules.get(delivery.rule_id) if delivery.rule_id else None
        except RuleNotFound:
            rule = None
        if rule is None:
            raise Undeliverable("The rule was deleted.")
        if not rule.enabled and not delivery.is_test:
            raise Undeliverable("The rule is switched off.")
        reader = self._accounts.get(rule.user_id) if rule.user_id else None
        if rule.user_id and not (reader and reader.active):
            raise Undeliverable("The account is disabled.")
        return rule, reader

    def _readable(self, delivery: Delivery, rule: NotificationRule, user: User | None) -> ReadableFacts:
        policy = user_policy(user, self._registry) if user else None
        found = readable_facts(self._engine, delivery.facts, Reader(rule=rule, policy=policy), user)
        if not found.facts:
            raise Undeliverable("The account may not see any more what this message is about.")
        return found

    def _message(
        self, delivery: Delivery, readable: ReadableFacts, rule: NotificationRule, reader: User | None
    ) -> Message:
        language = (reader.language if reader else rule.language) or "en"
        page = "/me/notifications" if reader else "/admin/notifications"
        writer = MessageWriter(language=language, public_url=self._settings.public_url, settings_path=page)
        return writer.write(
            readable.facts,
            count=delivery.event_count if len(readable.facts) == len(delivery.facts) else len(readable.facts),
            rule_name=rule.name,
            at=self._now(),
            files=self._output(readable.opened),
        )

    def _output(self, ids: Collection[UUID]) -> Files:
        found = self._files.attachments_of(list(ids)) if ids else {}
        return {
            str(job_id): [(file.name, f"/jobs/{job_id}/files/{file.id}") for file in files if file.role == "output"][
                :_MOST_FILES
            ]
            for job_id, files in found.items()
        }

    def _is_too_old(self, delivery: Delivery) -> bool:
        return self._now() - delivery.due_at > GIVE_UP_AFTER

    def _now(self) -> datetime:
        with reading(self._engine) as connection:
            return database_time(connection)
