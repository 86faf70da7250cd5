"""Saved filters: a menu above the lists of jobs, a page to rename, share and delete them."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from uuid import UUID

from flask import Blueprint, Flask, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from webapp.accounts.bookmarks.saved_filters import FilterNotFound, SavedFilter
from webapp.accounts.bookmarks.shared_names import BadName
from webapp.accounts.permissions import Right
from webapp.views.job_list.admin_filter import AdminJobFilter
from webapp.views.job_list.filter import Filter
from webapp.views.page.permissions import may
from webapp.views.page.request import services, signed_in
from webapp.views.text.stored_messages import translated
from webapp.views.text.translations import gettext as _

bp = Blueprint("filters", __name__, url_prefix="/jobs/filters")


def init_app(app: Flask) -> None:
    """Give templates ``saved_filters()`` and ``filter_url(saved)``."""
    app.jinja_env.globals.update(saved_filters=visible_filters, filter_url=filter_url)


@bp.get("")
def index() -> ResponseReturnValue:
    """List the user's own filters and those shared with them."""
    return render_template("job_list/filters.html", filters=visible_filters(), user=signed_in())


@bp.post("")
def save() -> ResponseReturnValue:
    """Save the filter of a list, which the form repeats, under a name; then show that list."""
    of_all_users = request.form.get("list") == "admin" and may(Right.SEE_INSTALLATION)
    arguments = plain_arguments(request.form, of_all_users=of_all_users)
    shared = bool(request.form.get("shared"))
    try:
        saved = services().saved_filters.save(
            signed_in(), request.form.get("filter_name", ""), arguments, shared=shared, of_all_users=of_all_users
        )
    except BadName as error:
        flash(translated(str(error)))
        return redirect(list_url(arguments, of_all_users=of_all_users), 303)
    flash(_("The filter “%(name)s” was saved.", name=saved.name))
    return redirect(filter_url(saved), 303)


@bp.post("/<uuid:filter_id>")
def change(filter_id: UUID) -> ResponseReturnValue:
    """Rename a filter, and share it or not."""
    try:
        services().saved_filters.change(
            signed_in(), filter_id, name=request.form.get("filter_name", ""), shared=bool(request.form.get("shared"))
        )
    except FilterNotFound:
        abort(404)
    except BadName as error:
        page = render_template(
            "job_list/filters.html", filters=visible_filters(), user=signed_in(), error=translated(str(error))
        )
        return page, 422
    return redirect(url_for("filters.index"), 303)


@bp.post("/<uuid:filter_id>/delete")
def delete(filter_id: UUID) -> ResponseReturnValue:
    """Delete a filter; it can be saved again from the list."""
    try:
        deleted = services().saved_filters.delete(signed_in(), filter_id)
    except FilterNotFound:
        abort(404)
    flash(_("The filter “%(name)s” was deleted.", name=deleted.name))
    return redirect(url_for("filters.index"), 303)


def visible_filters() -> tuple[SavedFilter, ...]:
    """Return the filters that the signed-in user can open."""
    return services().saved_filters.visible_to(signed_in())


def plain_arguments(given: Mapping[str, str], *, of_all_users: bool) -> dict[str, str]:
    """Return those of the given arguments that are a filter: no page, and nothing invalid."""
    parsed = AdminJobFilter.of(given) if of_all_users else Filter.of(given)
    return replace(parsed, before=None).arguments()


def filter_url(saved: SavedFilter) -> str:
    """Return the URL of the list that a filter shows."""
    return list_url(saved.arguments, of_all_users=saved.of_all_users)


def list_url(arguments: Mapping[str, str], *, of_all_users: bool) -> str:
    """Return the URL of a list of jobs, or of that of all users' jobs, with these arguments."""
    endpoint = AdminJobFilter.endpoint if of_all_users else Filter.endpoint
    values: dict[str, Any] = dict(arguments)
    return url_for(endpoint, **values)
