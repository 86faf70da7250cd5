"""Groups of users, for those who see the installation; admins change them, their members and their job types."""

from typing import Any
from uuid import UUID

from flask import abort
from pydantic import BaseModel, ConfigDict, Field

from webapp.accounts.groups.user_group import UserGroup
from webapp.accounts.permissions import Right
from webapp.accounts.tokens import Scope
from webapp.accounts.user import User
from webapp.api.lists import LINK, LimitQuery, Page, page_reply
from webapp.api.operations import Answer, Operations, Reply
from webapp.api.problems import InvalidInput
from webapp.views.groups import actions
from webapp.views.page.problem_details import API_ROOT
from webapp.views.page.public_path import public_url_of
from webapp.views.page.request import services

operations = Operations("groups")
GROUP = "/groups/<uuid:group_id>"
_SEE, _CHANGE = Right.SEE_INSTALLATION, Right.CHANGE_USERS


class GroupDocument(BaseModel):
    """A group of users."""

    model_config = ConfigDict(extra="forbid")

    id: UUID
    name: str
    description: str
    members: int
    types: list[str] = Field(description="The job types that only members of this group, and of others, can start.")


class MemberDocument(BaseModel):
    """A member of a group."""

    model_config = ConfigDict(extra="forbid")

    id: UUID
    name: str
    full_name: str
    by_hand: bool = Field(description="Otherwise single sign-on says that the user belongs to the group.")


class NewGroup(BaseModel):
    """A new group."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(max_length=300, description="If single sign-on names groups, exactly as it is named there.")
    description: str = Field(default="", max_length=500)


class GroupTypes(BaseModel):
    """All job types that are for the group."""

    model_config = ConfigDict(extra="forbid")

    types: list[str] = Field(max_length=1000)


class NewMember(BaseModel):
    """The user to add."""

    model_config = ConfigDict(extra="forbid")

    user: str = Field(max_length=200, description="The name of the user.")


class MembersQuery(LimitQuery):
    """Which members."""

    after: str = Field(default="", max_length=80, description="Members after this name: the next page.")


_FOUND = Answer(model=GroupDocument, description="The group.")


@operations.add(
    "GET",
    "/groups",
    scope=Scope.READ,
    right=_SEE,
    answers={200: Answer(model=Page[GroupDocument], description="All groups.")},
)
def list_groups() -> Any:
    """List the groups of users."""
    return page_reply(list(map(_document, services().user_groups.all())), following=None)


@operations.add(
    "POST",
    "/groups",
    scope=Scope.ADMIN,
    right=_CHANGE,
    body=NewGroup,
    answers={201: Answer(model=GroupDocument, description="The new group.", headers=("Location",))},
)
def create_group(body: NewGroup) -> Any:
    """Add a group of users."""
    group = actions.add_group(body.name, body.description)
    location = public_url_of(f"{API_ROOT}/groups/{group.id}")
    return Reply(document=_document(group), status=201, headers={"Location": location})


@operations.add("GET", GROUP, scope=Scope.READ, right=_SEE, answers={200: _FOUND})
def get_group(group_id: UUID) -> Any:
    """Get a group."""
    return _document(_find(group_id))


@operations.add("DELETE", GROUP, scope=Scope.ADMIN, right=_CHANGE, answers={204: Answer(description="It was removed.")})
def delete_group(group_id: UUID) -> Any:
    """Remove a group. Its members are kept.

    Refused while job types are for it, because everybody could start them then.
    """
    actions.remove_group(_find(group_id))


@operations.add("POST", f"{GROUP}/types", scope=Scope.ADMIN, right=_CHANGE, body=GroupTypes, answers={200: _FOUND})
def set_group_types(group_id: UUID, body: GroupTypes) -> Any:
    """Set the job types that only members of this group, and of others, can start."""
    actions.set_types(_find(group_id), body.types)
    return get_group(group_id)


@operations.add(
    "GET",
    f"{GROUP}/members",
    scope=Scope.READ,
    right=_SEE,
    query=MembersQuery,
    answers={200: Answer(model=Page[MemberDocument], description="Members by name.", headers=LINK)},
)
def list_members(group_id: UUID, query: MembersQuery) -> Any:
    """List the members of a group."""
    found = services().user_groups.members(_find(group_id), after=query.after, limit=query.limit + 1)
    shown = found[: query.limit]
    documents = [{name: getattr(member, name) for name in MemberDocument.model_fields} for member in shown]
    return page_reply(documents, following={"after": shown[-1].name} if len(found) > query.limit else None)


@operations.add("POST", f"{GROUP}/members", scope=Scope.ADMIN, right=_CHANGE, body=NewMember, answers={200: _FOUND})
def add_member(group_id: UUID, body: NewMember) -> Any:
    """Add a user to a group by hand."""
    group, user = _find(group_id), services().accounts.by_name(body.user)
    if user is None:
        raise InvalidInput({"pointer": "#/user", "detail": "There is no user of this name."})
    actions.put_member(group, user)
    return get_group(group_id)


@operations.add(
    "DELETE",
    f"{GROUP}/members/<uuid:user_id>",
    scope=Scope.ADMIN,
    right=_CHANGE,
    answers={204: Answer(description="The user was removed from the group.")},
)
def remove_member(group_id: UUID, user_id: UUID) -> Any:
    """Remove a user from a group, who was added by hand."""
    actions.take_member(_find(group_id), _user(user_id))


def _find(group_id: UUID) -> UserGroup:
    return services().user_groups.get(group_id)


def _user(user_id: UUID) -> User:
    return services().accounts.get(user_id) or abort(404)


def _document(group: UserGroup) -> dict[str, Any]:
    return {**{name: getattr(group, name) for name in GroupDocument.model_fields}, "types": list(group.types)}
