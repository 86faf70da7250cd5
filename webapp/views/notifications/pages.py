"""The pages that users and admins share: they differ in whose rules they show, and in the layout around them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from operator import itemgetter
from uuid import UUID

from flask import abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from webapp.accounts.user import User
from webapp.notifications.delivery_log import Delivery, NotRedeliverable
from webapp.notifications.rule import Channel, InvalidRule, NotificationRule
from webapp.time_zones import places
from webapp.views.notifications import actions, rule_fields
from webapp.views.notifications.access import changeable_rule, demand_change, visible_delivery
from webapp.views.notifications.presenter import delivery_rows, rule_rows
from webapp.views.notifications.rule_fields import RuleFields
from webapp.views.page.confirmation import Confirmation, render_confirmation
from webapp.views.page.request import services, signed_in
from webapp.views.security.one_time_secret import remember_one_time_secret, take_one_time_secret
from webapp.views.text.locale_choice import LANGUAGE_NAMES
from webapp.views.text.stored_messages import translated
from webapp.views.text.translations import gettext as _

PAGE = 50
_KEY_OF = "signing-key-of-a-webhook"


@dataclass(frozen=True, slots=True, kw_only=True)
class RulePages:
    """The pages about the rules of the signed-in user (``own``), or of the installation."""

    own: bool
    layout: str

    @property
    def owner(self) -> User | None:
        """The user whose rules these are; None for the installation."""
        return signed_in() if self.own else None

    def index(self) -> ResponseReturnValue:
        """Show the rules, and the log of deliveries."""
        before = _id(request.args.get("before", ""))
        deliveries = self._deliveries(before)
        shown = deliveries[:PAGE]
        return render_template(
            "notifications/index.html",
            pages=self,
            rules=rule_rows(services().notification_rules.of_user(self._owner_id)),
            deliveries=delivery_rows(shown),
            before=before,
            older=shown[-1].id if len(deliveries) > PAGE else None,
            signing_key=take_one_time_secret(_KEY_OF),
            has_links=bool(services().settings.public_url),
        )

    def new(self) -> ResponseReturnValue:
        """Show the form of a new rule, or create it."""
        demand_change(self._owner_id)
        if request.method != "POST":
            form = services().rule_form(self.owner)
            return self._form(RuleFields(channel=form.channels()[0], zone=self._usual_zone()))
        typed = RuleFields.of(request.form)
        try:
            rule, key = actions.add_rule(self.owner, typed.draft())
        except InvalidRule as error:
            return self._form(typed, errors=error.errors), 422
        if key:
            remember_one_time_secret(_KEY_OF, key)
        flash(_("The rule %(name)s was added. Send a test to see whether messages arrive.", name=rule.name))
        return redirect(url_for(".index"), 303)

    def edit(self, rule_id: UUID) -> ResponseReturnValue:
        """Show the form of a rule, or change it."""
        rule = self._rule(rule_id)
        if request.method != "POST":
            return self._form(RuleFields.of_rule(rule), rule=rule)
        typed = RuleFields.of(request.form)
        try:
            actions.change_rule(rule, typed.draft(rule.channel))
        except InvalidRule as error:
            return self._form(typed, rule=rule, errors=error.errors), 422
        flash(_("The rule %(name)s was saved.", name=typed.name))
        return redirect(url_for(".index"), 303)

    def remove(self, rule_id: UUID) -> ResponseReturnValue:
        """Ask for confirmation, then delete a rule."""
        rule = self._rule(rule_id)
        if request.method != "POST":
            return render_confirmation(_delete_confirmation(rule))
        actions.delete_rule(rule)
        flash(_("The rule %(name)s was deleted.", name=rule.name))
        return redirect(url_for(".index"), 303)

    def switch(self, rule_id: UUID) -> ResponseReturnValue:
        """Switch a rule on or off."""
        rule = self._rule(rule_id)
        actions.switch_rule(rule, enabled=not rule.enabled)
        return redirect(url_for(".index"), 303)

    def test(self, rule_id: UUID) -> ResponseReturnValue:
        """Send a test message."""
        rule = self._rule(rule_id)
        actions.send_test(rule)
        flash(_("The test is being sent. The log shows whether it arrives."))
        return redirect(url_for(".index", _anchor="deliveries"), 303)

    def redeliver(self, delivery_id: UUID) -> ResponseReturnValue:
        """Send a message again."""
        delivery = visible_delivery(delivery_id)
        if self.own and delivery.user_id != signed_in().id:
            abort(404)
        demand_change(delivery.user_id)
        try:
            actions.redeliver(delivery, attempts=request.form.get("attempts", type=int))
        except NotRedeliverable as error:
            abort(409, translated(str(error)))
        flash(_("The message is being sent again."))
        return redirect(url_for(".index", _anchor="deliveries"), 303)

    @property
    def _owner_id(self) -> UUID | None:
        return signed_in().id if self.own else None

    def _usual_zone(self) -> str:
        return (signed_in().timezone if self.own else "") or services().settings.timezone

    def _rule(self, rule_id: UUID) -> NotificationRule:
        rule = changeable_rule(rule_id)
        return rule if rule.user_id == self._owner_id else abort(404)

    def _deliveries(self, before: UUID | None) -> tuple[Delivery, ...]:
        log = services().delivery_log
        if self.own:
            return log.of_user(signed_in().id, after=before, limit=PAGE + 1)
        return log.all(after=before, limit=PAGE + 1)

    def _form(
        self, typed: RuleFields, *, rule: NotificationRule | None = None, errors: Mapping[str, str] | None = None
    ) -> str:
        form = services().rule_form(self.owner)
        channels = rule_fields.channel_labels()
        return render_template(
            "notifications/form.html",
            pages=self,
            rule=rule,
            typed=typed,
            errors={field: translated(sentence) for field, sentence in (errors or {}).items()},
            topics={topic: rule_fields.topic_labels()[topic] for topic in form.topics()},
            channels={name: channels[name] for name in ([rule.channel] if rule else form.channels())},
            whose={name: rule_fields.whose_labels()[name] for name in form.whose()},
            types=_named_types(form.types),
            queues=[(name, name) for name in sorted(form.queues)],
            languages=LANGUAGE_NAMES,
            zones=("UTC", *places()),
            has_mail=Channel.MAIL in form.channels(),
            email=signed_in().email or "",
        )


def _named_types(names: Iterable[str]) -> list[tuple[str, str]]:
    """Return names and titles of job types, sorted by title."""
    registry = services().registry
    return sorted(((name, translated(registry.title_of(name))) for name in names), key=itemgetter(1))


def _id(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _delete_confirmation(rule: NotificationRule) -> Confirmation:
    return Confirmation(
        title=_("Delete the rule %(name)s?", name=rule.name),
        effect=_("This rule sends nothing more, not even the events that it has collected."),
        notes=(_("The messages that it has sent stay in the log."),),
        action=_("Delete rule"),
        keep=_("Don't delete"),
        post=url_for(".remove", rule_id=rule.id),
        back=url_for(".index"),
    )
