"""What admins change about groups: pages and the API call these functions, which write the audit log."""

from webapp.accounts.audit_log import AuditAction, AuditTarget
from webapp.accounts.groups.user_group import UserGroup
from webapp.accounts.user import User
from webapp.views.page.audit_log import audited
from webapp.views.page.request import services


def add_group(name: str, description: str) -> UserGroup:
    """Add a group; raise `BadAccount`."""
    with audited(AuditAction.GROUP_ADD, AuditTarget.GROUP, name.strip()[:120]):
        return services().user_groups.add(name, description)


def remove_group(group: UserGroup) -> None:
    """Remove a group; raise `GroupInUse`."""
    with audited(AuditAction.GROUP_REMOVE, AuditTarget.GROUP, group.name, before={"members": group.members}):
        services().user_groups.remove(group)


def set_types(group: UserGroup, names: list[str]) -> None:
    """Say which job types are for a group; raise `NoTypeForGroups`."""
    change = {"before": {"types": list(group.types)}, "after": {"types": sorted(set(names))}}
    with audited(AuditAction.GROUP_TYPES, AuditTarget.GROUP, group.name, **change):
        services().user_groups.set_types(group, names)


def put_member(group: UserGroup, user: User) -> None:
    """Add a user to a group by hand."""
    with audited(AuditAction.MEMBER_ADD, AuditTarget.GROUP, group.name, after={"user": user.name}):
        services().user_groups.add_member(group, user.id)


def take_member(group: UserGroup, user: User) -> None:
    """Remove a user from a group; raise `NotAMember` or `MemberBySignOn`."""
    with audited(AuditAction.MEMBER_REMOVE, AuditTarget.GROUP, group.name, before={"user": user.name}):
        services().user_groups.remove_member(group, user.id)
