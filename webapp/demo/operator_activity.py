"""What admins and operators did: a disabled job type, resolved and ignored errors, and a week of audit entries."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import insert

from webapp.accounts.audit_log import AuditAction, AuditTarget
from webapp.db.engine import writing
from webapp.demo.people import Staff
from webapp.jobs.metrics.error_groups import ErrorState
from webapp.schema import audit
from webapp.services import Services

WHY_DISABLED = "New users are synced from the directory until Monday"
_IMPORT = "user_import"


@dataclass(frozen=True, slots=True)
class Activity:
    """An action of a user, some hours ago."""

    hours: float
    user: str
    action: AuditAction
    kind: AuditTarget
    id: str
    name: str = ""
    before: dict[str, Any] | None = None
    after: dict[str, Any] | None = None


_ACTIVITIES = (
    Activity(171, "admin", AuditAction.SIGN_IN, AuditTarget.USER, "admin", "Administrator"),
    Activity(170.8, "admin", AuditAction.USER_ADD, AuditTarget.USER, "eva", "Eva Lindqvist", None, {"role": "auditor"}),
    Activity(150, "dai", AuditAction.SIGN_IN, AuditTarget.USER, "dai", "Dai Sato"),
    Activity(149.5, "dai", AuditAction.QUEUE_LIMIT, AuditTarget.QUEUE, "default", "",
         {"limit": None}, {"limit": 4}),
    Activity(122, "eva", AuditAction.SIGN_IN, AuditTarget.USER, "eva", "Eva Lindqvist"),
    Activity(121.7, "eva", AuditAction.AUDIT_EXPORT, AuditTarget.AUDIT, ""),
    Activity(97, "chloe", AuditAction.SIGN_IN_REFUSED, AuditTarget.USER, "chloe"),
    Activity(96.9, "chloe", AuditAction.SIGN_IN, AuditTarget.USER, "chloe", "Chloé Martin"),
    Activity(72, "dai", AuditAction.SCHEDULE_PAUSE, AuditTarget.SCHEDULE, "", "Export for the old warehouse", None,
         {"why": "The warehouse is taking stock"}),
    Activity(50, "admin", AuditAction.USER_ROLE, AuditTarget.USER, "dai", "Dai Sato",
         {"role": "user"}, {"role": "operator"}),
    Activity(30, "dai", AuditAction.EVERYTHING_PAUSE, AuditTarget.INSTALLATION, "", "", None,
         {"reason": "Moving the database"}),
    Activity(29.8, "dai", AuditAction.EVERYTHING_RESUME, AuditTarget.INSTALLATION, "", "",
         {"reason": "Moving the database"}),
    Activity(27, "ben", AuditAction.SIGN_IN, AuditTarget.USER, "ben", "Ben Okafor"),
    Activity(26.5, "ben", AuditAction.SETTINGS_CHANGE, AuditTarget.SETTINGS, "ben", "Ben Okafor",
         {"theme": ""}, {"theme": "dark"}),
    Activity(5, "dai", AuditAction.ERROR_RESOLVE, AuditTarget.ERROR, "", "The column orders appears twice."),
    Activity(4, "dai", AuditAction.QUEUE_PAUSE, AuditTarget.QUEUE, "night", "", None,
         {"reason": "Runs after 22:00 only"}),
    Activity(2, "admin", AuditAction.TYPE_DISABLE, AuditTarget.TYPE, _IMPORT, "Import users", None,
         {"reason": WHY_DISABLED}),
)  # fmt: skip


def create_activity(services: Services, staff: Staff) -> None:
    """Create all of it, and update the metrics, so that pages need not wait for the scheduler."""
    services.disabled_types.disable(_IMPORT, reason=WHY_DISABLED, by=staff["admin"].id)
    services.metrics.roll_up()
    _resolve_errors(services, staff)
    now = services.queries.jobs.now()
    with writing(services.engine) as connection:
        connection.execute(insert(audit), [{**row, "at": now - ago} for ago, row in _audit_rows(staff)])


def _resolve_errors(services: Services, staff: Staff) -> None:
    """Resolve the oldest error and ignore the second oldest."""
    groups = services.metrics.errors.page(limit=100)
    for group, state in zip(groups[:1:-1], (ErrorState.RESOLVED, ErrorState.IGNORED), strict=False):
        services.metrics.errors.set_state(group.fingerprint, state, by=staff["dai"].id)


def _audit_rows(staff: Staff) -> Iterator[tuple[timedelta, dict[str, Any]]]:
    for activity in _ACTIVITIES:
        user = staff[activity.user]
        is_known = activity.action is not AuditAction.SIGN_IN_REFUSED
        who = {"actor_id": user.id if is_known else None, "actor": user.name, "role": user.role if is_known else ""}
        what = {
            "action": activity.action.value,
            "kind": activity.kind.value,
            "object_id": activity.id,
            "object_name": activity.name,
        }
        values = {"before": activity.before, "after": activity.after, "address": f"10.0.0.{40 + len(activity.user)}"}
        yield timedelta(hours=activity.hours), {**who, **what, **values}
