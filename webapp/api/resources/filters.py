"""Saved filters: those of the account, and those shared with it."""

from typing import Any
from uuid import UUID

from flask import abort
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from webapp.accounts.bookmarks.saved_filters import FilterNotFound, SavedFilter
from webapp.accounts.bookmarks.shared_names import BadName
from webapp.accounts.permissions import Right
from webapp.accounts.tokens import Scope
from webapp.api.lists import Page, page_reply
from webapp.api.operations import Answer, Operations, Reply
from webapp.api.problems import InvalidInput
from webapp.api.resources.jobs import ONLY_ADMIN
from webapp.views.job_list.saved_filters import plain_arguments, visible_filters
from webapp.views.page.permissions import may
from webapp.views.page.request import services, signed_in

operations = Operations("filters")
FILTER = "/filters/<uuid:filter_id>"


class FilterDocument(BaseModel):
    """A saved filter; `filter` holds parameters of `GET /jobs`."""

    model_config = ConfigDict(extra="forbid")

    id: UUID
    name: str
    owner: str
    own: bool = Field(description="Whether it belongs to the account.")
    shared: bool
    filter: dict[str, str]
    created_at: AwareDatetime


class NewFilter(BaseModel):
    """A filter to save. One of the account with the same name is replaced."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(max_length=200)
    filter: dict[str, str] = Field(description='Parameters of `GET /jobs`, such as `{"tab": "failed"}`.')
    shared: bool = Field(default=False, description="All users of the same tenant see it.")


class FilterChange(BaseModel):
    """What to change. Members that are not sent stay as they are."""

    model_config = ConfigDict(extra="forbid")

    name: str | None = Field(default=None, max_length=200)
    shared: bool | None = None


_SAVED = Answer(model=FilterDocument, description="The filter.")


@operations.add(
    "GET",
    "/filters",
    scope=Scope.READ,
    answers={200: Answer(model=Page[FilterDocument], description="All of them, own ones first.")},
)
def list_filters() -> Any:
    """List saved filters.

    Filters of the account and filters shared with it. `GET /jobs?filter=NAME` applies one.
    """
    return page_reply([_document(each) for each in visible_filters()], following=None)


@operations.add("POST", "/filters", scope=Scope.START, body=NewFilter, answers={201: _SAVED})
def save_filter(body: NewFilter) -> Any:
    """Save a filter of the list of jobs under a name."""
    user = signed_in()
    arguments = plain_arguments(body.filter, of_all_users=may(Right.SEE_INSTALLATION))
    if ignored := sorted(body.filter.keys() - arguments.keys()):
        raise InvalidInput({"parameter": f"filter.{ignored[0]}", "detail": "No parameter of a filter, or a bad value."})
    try:
        saved = services().saved_filters.save(
            user,
            body.name,
            arguments,
            shared=body.shared,
            of_all_users=bool(arguments.keys() & ONLY_ADMIN),
        )
    except BadName as error:
        abort(422, str(error))
    return Reply(document=_document(saved), status=201)


@operations.add("PATCH", FILTER, scope=Scope.START, body=FilterChange, answers={200: _SAVED})
def change_filter(filter_id: UUID, body: FilterChange) -> Any:
    """Rename a filter of the account, or share it."""
    try:
        changed = services().saved_filters.change(signed_in(), filter_id, name=body.name, shared=body.shared)
    except FilterNotFound:
        abort(404)
    except BadName as error:
        abort(422, str(error))
    return _document(changed)


@operations.add("DELETE", FILTER, scope=Scope.START, answers={204: Answer(description="It was deleted.")})
def delete_filter(filter_id: UUID) -> None:
    """Delete a filter of the account; admins can delete shared ones."""
    try:
        services().saved_filters.delete(signed_in(), filter_id)
    except FilterNotFound:
        abort(404)


def _document(saved: SavedFilter) -> dict[str, Any]:
    return {
        "id": saved.id,
        "name": saved.name,
        "owner": saved.owner_name,
        "own": saved.owner_id == signed_in().id,
        "shared": saved.shared,
        "filter": dict(saved.arguments),
        "created_at": saved.created_at,
    }
