"""Notification rules and deliveries: those of the account, and those of the installation, if it may see them."""

from typing import Any, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, JsonValue

from webapp.accounts.permissions import Right
from webapp.accounts.tokens import Scope
from webapp.api.lists import LINK, LimitQuery, Page, Query, page_reply
from webapp.api.operations import Answer, Operations, Reply
from webapp.api.problems import InvalidInput
from webapp.notifications.delivery_log import Delivery, DeliveryStatus
from webapp.notifications.rule import Channel, NotificationRule, RuleDraft, Topic, Whose, changed_draft
from webapp.views.notifications import access, actions
from webapp.views.page.permissions import demand
from webapp.views.page.request import services, signed_in

operations = Operations("notifications")
RULES, DELIVERIES = "/notification-rules", "/notification-deliveries"
RULE, DELIVERY = f"{RULES}/<uuid:rule_id>", f"{DELIVERIES}/<uuid:delivery_id>"
_TIME = Field(default="", max_length=5, description="A time of day such as `22:00`.")


class RuleDocument(BaseModel):
    """A notification rule. Its address and its signing key are not returned."""

    model_config = ConfigDict(extra="forbid")

    id: UUID
    user_id: UUID | None = Field(description="Its user; null for a rule of the installation.")
    name: str
    topics: list[Topic]
    channel: Channel
    whose: Whose
    owner_id: UUID | None = Field(description="Only jobs of this user.")
    type: str
    queue: str
    tag: str
    seconds: int | None
    due_time: str
    quiet_from: str
    quiet_until: str
    zone: str
    language: str
    recipients: list[str] = Field(description="Email addresses; masked for accounts that cannot manage users.")
    shown_address: str = Field(description="The part of the address that is no secret.")
    enabled: bool
    created_at: AwareDatetime
    created_by: UUID | None
    last_sent_at: AwareDatetime | None


class NewRuleDocument(RuleDocument):
    """A new rule. The signing key of a webhook is returned only here."""

    signing_key: str | None


class DeliveryDocument(BaseModel):
    """A message of a rule about one or several events."""

    model_config = ConfigDict(extra="forbid")

    id: UUID
    rule_id: UUID | None
    rule_name: str
    user_id: UUID | None
    channel: Channel
    shown_address: str
    status: DeliveryStatus
    facts: list[dict[str, JsonValue]] = Field(description="The first 50 events.")
    event_count: int
    due_at: AwareDatetime
    created_at: AwareDatetime
    finished_at: AwareDatetime | None
    attempts: int
    error: str = Field(description="Why the latest attempt failed, or what the receiver answered.")
    job_id: UUID | None


class _RuleFields(BaseModel):
    """The choices for a rule."""

    model_config = ConfigDict(extra="forbid")

    whose: Whose = Whose.OWN
    user: str = Field(default="", max_length=120, description="Only jobs of the user with this name.")
    type: str = Field(default="", max_length=80)
    queue: str = Field(default="", max_length=80)
    tag: str = Field(default="", max_length=40, description="Only jobs with this tag.")
    seconds: int | None = Field(
        default=None, ge=10, le=31_622_400, description="Report a wait or a run that takes longer than this."
    )
    due_time: str = _TIME
    quiet_from: str = _TIME
    quiet_until: str = _TIME
    zone: str = Field(default="", max_length=64)
    language: Literal["", "en", "de"] = ""
    recipients: list[str] = Field(default_factory=list, max_length=20, description="Email addresses.")
    address: str = Field(default="", max_length=1000, description="The address of a webhook or chat.")


class NewRule(_RuleFields):
    """A new rule of the account, or of the installation."""

    name: str = Field(max_length=300)
    topics: list[Topic] = Field(min_length=1, max_length=len(Topic))
    channel: Channel
    installation: bool = False


class RuleChange(BaseModel):
    """Changes of a rule. Members that are not sent stay as they are; the channel cannot change."""

    model_config = ConfigDict(extra="forbid")

    name: str | None = Field(default=None, max_length=300)
    topics: list[Topic] | None = Field(default=None, min_length=1, max_length=len(Topic))
    whose: Whose | None = None
    user: str | None = Field(default=None, max_length=120)
    type: str | None = Field(default=None, max_length=80)
    queue: str | None = Field(default=None, max_length=80)
    tag: str | None = Field(default=None, max_length=40)
    seconds: int | None = Field(default=None, ge=10, le=31_622_400)
    due_time: str | None = Field(default=None, max_length=5)
    quiet_from: str | None = Field(default=None, max_length=5)
    quiet_until: str | None = Field(default=None, max_length=5)
    zone: str | None = Field(default=None, max_length=64)
    language: Literal["", "en", "de"] | None = None
    recipients: list[str] | None = Field(default=None, max_length=20)
    address: str | None = Field(default=None, max_length=1000)
    enabled: bool | None = None


class RulesQuery(Query):
    """Which rules."""

    installation: bool = Field(default=False, description="Rules of the installation instead of the account's.")


class DeliveriesQuery(LimitQuery):
    """Which deliveries."""

    installation: bool = Field(default=False, description="Deliveries of all rules instead of the account's.")
    status: DeliveryStatus | None = Field(default=None, description="Only deliveries in this status.")
    before: UUID | None = Field(default=None, description="Deliveries older than this one: the next page.")


_RULE = Answer(model=RuleDocument, description="The rule.")
_DELIVERY = Answer(model=DeliveryDocument, description="The delivery, on its way.")


@operations.add(
    "GET",
    RULES,
    scope=Scope.READ,
    query=RulesQuery,
    answers={200: Answer(model=Page[RuleDocument], description="The rules by name.")},
)
def list_rules(query: RulesQuery) -> Any:
    """List notification rules."""
    if query.installation:
        demand(Right.SEE_INSTALLATION)
    rules = services().notification_rules.of_user(None if query.installation else signed_in().id)
    return page_reply(list(map(_rule, rules)), following=None)


@operations.add(
    "POST",
    RULES,
    scope=Scope.START,
    reveals=True,
    body=NewRule,
    returns_secret=True,
    answers={201: Answer(model=NewRuleDocument, description="The new rule.")},
)
def create_rule(body: NewRule) -> Any:
    """Create a notification rule of the account, or of the installation.

    The signing key of a webhook is returned only here.
    """
    access.demand_whole_role()
    owner = None if body.installation else signed_in()
    access.demand_change(owner.id if owner else None)
    values = body.model_dump(exclude={"installation", "user"}, mode="json")
    rule, key = actions.add_rule(owner, _draft({**values, "owner_id": _person(body.user)}))
    return Reply(document={**_rule(rule), "signing_key": key or None}, status=201)


@operations.add("GET", RULE, scope=Scope.READ, answers={200: _RULE})
def get_rule(rule_id: UUID) -> Any:
    """Get a notification rule."""
    return _rule(access.visible_rule(rule_id))


@operations.add("PATCH", RULE, scope=Scope.START, reveals=True, body=RuleChange, answers={200: _RULE})
def change_rule(rule_id: UUID, body: RuleChange) -> Any:
    """Change a notification rule, or switch it on or off."""
    access.demand_whole_role()
    rule = access.changeable_rule(rule_id)
    changes = body.model_dump(exclude={"enabled", "user"}, exclude_none=True, mode="json")
    if body.user is not None:
        changes["owner_id"] = _person(body.user)
    if changes:
        actions.change_rule(rule, changed_draft(rule, changes))
    if body.enabled is not None:
        actions.switch_rule(rule, enabled=body.enabled)
    return _rule(services().notification_rules.get(rule_id))


@operations.add("DELETE", RULE, scope=Scope.START, answers={204: Answer(description="It was deleted.")})
def delete_rule(rule_id: UUID) -> Any:
    """Delete a notification rule. The messages that it has sent stay in the log."""
    actions.delete_rule(access.changeable_rule(rule_id))


@operations.add("POST", f"{RULE}/test", scope=Scope.START, reveals=True, answers={202: _DELIVERY})
def test_rule(rule_id: UUID) -> Any:
    """Send a test message by a notification rule."""
    return Reply(document=_delivery(actions.send_test(access.changeable_rule(rule_id))), status=202)


@operations.add(
    "GET",
    DELIVERIES,
    scope=Scope.READ,
    query=DeliveriesQuery,
    answers={200: Answer(model=Page[DeliveryDocument], description="Deliveries, newest first.", headers=LINK)},
)
def list_deliveries(query: DeliveriesQuery) -> Any:
    """List the deliveries of notification rules."""
    log, status = services().delivery_log, query.status or ""
    if query.installation:
        demand(Right.SEE_INSTALLATION)
        found = log.all(after=query.before, limit=query.limit + 1, status=status)
    else:
        found = log.of_user(signed_in().id, after=query.before, limit=query.limit + 1, status=status)
    shown = found[: query.limit]
    following = {"before": shown[-1].id} if len(found) > query.limit else None
    return page_reply(list(map(_delivery, shown)), following=following)


@operations.add(
    "GET", DELIVERY, scope=Scope.READ, answers={200: Answer(model=DeliveryDocument, description="The delivery.")}
)
def get_delivery(delivery_id: UUID) -> Any:
    """Get a message that a notification rule has sent or will send."""
    return _delivery(access.visible_delivery(delivery_id))


@operations.add("POST", f"{DELIVERY}/send-again", scope=Scope.START, reveals=True, answers={202: _DELIVERY})
def send_again(delivery_id: UUID) -> Any:
    """Send a message again, whether or not it arrived."""
    delivery = access.visible_delivery(delivery_id)
    access.demand_change(delivery.user_id)
    return Reply(document=_delivery(actions.redeliver(delivery)), status=202)


def _draft(values: dict[str, Any]) -> RuleDraft:
    return RuleDraft(**{**values, "topics": tuple(values["topics"]), "recipients": tuple(values["recipients"])})


def _person(name: str) -> UUID | None:
    if not name:
        return None
    user = services().accounts.by_name(name)
    if user is None:
        raise InvalidInput({"pointer": "#/user", "detail": "There is no account of this name."})
    return user.id


def _rule(rule: NotificationRule) -> dict[str, Any]:
    document = {name: getattr(rule, name) for name in RuleDocument.model_fields}
    topics = [topic for topic in Topic if topic in rule.topics]
    return {**document, "topics": topics, "recipients": list(access.readable_recipients(rule))}


def _delivery(delivery: Delivery) -> dict[str, Any]:
    document = {name: getattr(delivery, name) for name in DeliveryDocument.model_fields}
    return {**document, "facts": access.readable_facts(delivery), "shown_address": access.readable_address(delivery)}
