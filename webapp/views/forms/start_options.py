"""Fields of every start form besides the payload: title, tags, group, start time and idempotency key.

Their names contain a dot, which no field of a payload class can have.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from secrets import token_urlsafe
from uuid import UUID
from zoneinfo import ZoneInfo

from webapp.jobs.model.tags import InvalidTags, split_tags
from webapp.views.text.stored_messages import translated
from webapp.views.text.translations import gettext as _
from webapp.visible_text import without_invisible

TITLE, AT, TAGS, GROUP, KEY = "job.title", "job.at", "job.tags", "job.group", "job.key"
_TITLE_LIMIT, _KEY_LIMIT = 200, 40
_FARTHEST = timedelta(days=366)


@dataclass(frozen=True, slots=True, kw_only=True)
class StartOptions:
    """The submitted options; ``run_at`` is None to start now, ``errors`` has a sentence per invalid field."""

    title: str = ""
    typed_at: str = ""
    run_at: datetime | None = None
    typed_tags: str = ""
    tags: tuple[str, ...] = ()
    group: str = ""  # that the job is shared with
    key: str = ""
    errors: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def fresh(cls, title: str = "", tags: tuple[str, ...] = ()) -> "StartOptions":
        """Return the options of a new form, with a new key."""
        return cls(title=title, typed_tags=", ".join(tags), key=token_urlsafe(16))

    @classmethod
    def of(
        cls, typed: Mapping[str, str], now: datetime, zone: ZoneInfo, groups: Collection[str] = ()
    ) -> "StartOptions":
        """Read a submitted form; the job can be shared with one of the ``groups``."""
        title, typed_at = " ".join(without_invisible(typed.get(TITLE, "")).split()), typed.get(AT, "").strip()
        run_at, wrong = _moment(typed_at, now, zone)
        errors = {AT: wrong} if wrong else {}
        if len(title) > _TITLE_LIMIT or "\x00" in title:
            errors[TITLE] = _("Use at most %(count)s characters.", count=_TITLE_LIMIT)
        tags, wrong = _tags(typed.get(TAGS, ""))
        errors |= {TAGS: wrong} if wrong else {}
        group = typed.get(GROUP, "")
        if group and group not in groups:
            errors[GROUP] = _("You can share only with groups that you belong to.")
        return cls(
            title=title,
            typed_at=typed_at,
            run_at=run_at,
            typed_tags=typed.get(TAGS, "").strip(),
            tags=tags,
            group=group,
            key=typed.get(KEY, "")[:_KEY_LIMIT],
            errors=errors,
        )

    def request_key(self, secret_key: str, person: UUID, content: object) -> str | None:
        """Return the idempotency key: it depends on the form, the user and the content.

        A form that is changed and submitted again is a new request.
        """
        if not self.key:
            return None
        request = repr((self.key, self.title, self.typed_at, *self.tags, self.group, content)).encode()
        return f"{person.hex}:{blake2b(request, key=secret_key.encode()[:64], digest_size=20).hexdigest()}"


def _tags(typed: str) -> tuple[tuple[str, ...], str]:
    try:
        return split_tags(typed), ""
    except InvalidTags as error:
        return (), translated(str(error))


def _moment(typed: str, now: datetime, zone: ZoneInfo) -> tuple[datetime | None, str]:
    if not typed:
        return None, ""
    try:
        local = datetime.fromisoformat(typed)
        at = (local if local.tzinfo else local.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None, _("This must be a date and a time.")
    if at <= now:
        return None, _("This time is in the past. Choose a later time, or leave the field empty to start now.")
    if at > now + _FARTHEST:
        return None, _("Choose a time within the next year.")
    return at, ""
