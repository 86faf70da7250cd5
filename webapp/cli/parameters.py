"""Parameter types: jobs by ID, periods, times, payloads, limits and owners."""

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID
from zoneinfo import ZoneInfo

import click

from webapp.cli.command_group import BadUsage, NotFound, loaded
from webapp.cli.context import is_remote, services
from webapp.jobs.model.job import Job, Owner
from webapp.jobs.model.periods import EXAMPLES, parse_period
from webapp.jobs.model.tags import InvalidTags, split_tags

if TYPE_CHECKING:
    from webapp.accounts.user import User
    from webapp.cli.remote.services import RemoteServices
    from webapp.jobs.definition.job_type import JobType
    from webapp.jobs.model.job_policy import JobPolicy

_ONLY_GROUPS = "It is only for members of some groups. See `deskjob group list`."
_SHORT_ID = re.compile(r"[0-9a-fA-F]{8}")


class _JobById(click.ParamType[Job]):
    """A job by its ID, or by the last eight hex digits, which lists and pages show."""

    name = "id"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Job:  # noqa: ARG002
        """Return the job."""
        if isinstance(value, Job):
            return value
        if _SHORT_ID.fullmatch(value):
            return _by_short_id(value)
        try:
            return services().jobs.get(UUID(value))
        except _unknown_id():
            raise unknown_job(value) from None


class JobInOwnList(_JobById):
    """A job by its ID; on another installation also one that the account sees in one list only."""

    def __init__(self, find: Callable[[str], Job | None]) -> None:
        self._find = find

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Job:
        """Return the job."""
        try:
            return super().convert(value, param, ctx)
        except NotFound:
            if is_remote() and (found := self._find(value.lower())):
                return found
            raise


class _Period(click.ParamType[timedelta]):
    """A period such as 90s, 10m, 24h or 1d12h."""

    name = "period"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        """Return the period."""
        period = parse_period(value)
        if period is None:
            self.fail(f"{value!r} is not a period. Examples: {EXAMPLES}", param, ctx)
        return period


class _Moment(click.ParamType[datetime]):
    """A time in ISO 8601. Without an offset it is in the time zone of the installation."""

    name = "moment"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """Return the time in UTC."""
        try:
            at = datetime.fromisoformat(value)
            zone = at.tzinfo or ZoneInfo(services().settings.timezone)
            return at.replace(tzinfo=zone).astimezone(UTC)
        except (ValueError, OverflowError):
            self.fail(f"{value!r} is not a time. Examples: 2026-12-01T18:30, 2026-12-01T18:30Z", param, ctx)


class _Tags(click.ParamType[tuple[str, ...]]):
    """Tags with commas between them, or none."""

    name = "tags"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, ...]:
        """Return the tags as they are stored."""
        try:
            return () if value == "none" else split_tags(value)
        except InvalidTags as error:
            self.fail(str(error), param, ctx)


class _Payload(click.ParamType[dict[str, Any]]):
    """A JSON object."""

    name = "json"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> dict[str, Any]:  # noqa: ARG002
        """Return the object."""
        option = param.opts[0] if param else "--payload"
        try:
            payload = json.loads(value)
        except json.JSONDecodeError as error:
            raise BadUsage(f"{option} is not valid JSON: {error}.") from None
        if not isinstance(payload, dict):
            raise BadUsage(f'{option} must be a JSON object, such as {{"days": 30}}.')
        return payload


class _Limit(click.ParamType[int | None]):
    """A number, or "none"."""

    name = "limit"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int | None:
        """Return the number, or None for "none"."""
        if value == "none":
            return None
        if not re.fullmatch(r"\d{1,6}", str(value)):
            self.fail(f"{value!r} is no limit; write a number from 0 on, or none", param, ctx)
        return int(value)


JOB, PERIOD, MOMENT, PAYLOAD, LIMIT = _JobById(), _Period(), _Moment(), _Payload(), _Limit()
TAGS = _Tags()
PRIORITY = click.IntRange(0, 10_000)
in_json = click.option("--json", "in_json", is_flag=True, help="Print JSON.")


def owner_of(person: str | None, type_name: str, *, public: bool = True) -> Owner:
    """Return the owner that ``--as`` names, who must be allowed to start the type; ``None`` is the system."""
    if is_remote():
        return remote_services().owner_named(person, public=public)
    if person is None:
        return Owner(public=public)
    user = services().accounts.by_name(person)
    if user is None or not user.active:
        raise BadUsage(f"There is no active account named {person}. See `deskjob user list`.")
    job_type = services().registry.get(type_name)
    if not _policy_of(user).may_start(type_name):
        why = _required_role(job_type) if not job_type.may_be_started_by(user.role, user.tenant) else _ONLY_GROUPS
        raise BadUsage(f"{person} does not have permission to start {type_name}. {why}")
    return Owner(user_id=user.id, tenant=user.tenant)


def _required_role(job_type: "JobType") -> str:
    tenant = "" if job_type.for_tenants else " Users who belong to a tenant cannot start it."
    return f"Required role: {' or '.join(sorted(job_type.roles)) or 'any'}.{tenant}"


def owner_of_new_job(person: str | None, type_name: str) -> Owner:
    """Return the owner of a job that is started; on another installation, the account of the token."""
    return remote_services().owner_of_new_job(person) if is_remote() else owner_of(person, type_name)


def check_group(owner: Owner, type_name: str, group: str | None) -> None:
    """Refuse a group with which the owner of a new job cannot share it; another installation checks that itself."""
    if group is None or owner.user_id is None or is_remote():
        return
    user = services().accounts.get(owner.user_id)
    if user is not None and (refusal := _policy_of(user).refusal_to_share(type_name, group)):
        raise BadUsage(refusal)


def _policy_of(user: "User") -> "JobPolicy":
    from webapp.user_policy import user_policy

    return user_policy(user, services().registry)


def own_account(person: str | None) -> UUID:
    """Return the account of the token on another installation; refuse another name than its own."""
    owner = remote_services().owner_of_new_job(person)
    assert owner.user_id is not None  # noqa: S101  (an account)
    return owner.user_id


def unknown_job(reference: object, *, searched: int | None = None) -> NotFound:
    """Return the error for a job that does not exist, or is not among the newest that were ``searched``."""
    hint = f" among the newest {searched:,} jobs. Use the whole ID for older jobs" if searched else ""
    return NotFound(f"There is no job {reference}{hint}.", "job")


def _unknown_id() -> tuple[type[Exception], ...]:
    return (ValueError, *loaded("webapp.jobs.store.job_store", "JobNotFound"))


def _by_short_id(text: str) -> Job:
    try:
        return services().queries.all_jobs.get_by_short_id(text)
    except loaded("webapp.jobs.store.job_store", "JobNotFound"):
        from webapp.jobs.queries.all_jobs import SHORT_ID_SCAN_LIMIT

        raise unknown_job(text, searched=SHORT_ID_SCAN_LIMIT) from None


def remote_services() -> "RemoteServices":
    """Return the services of another installation; only if `is_remote`."""
    return cast("RemoteServices", services())
