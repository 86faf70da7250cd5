"""The jobs of a shared filter, for `job list --filter`. Imported when it is used, because it builds the pages."""

from collections.abc import Sequence
from zoneinfo import ZoneInfo

from webapp.accounts.bookmarks.saved_filters import FilterNotFound
from webapp.cli.command_group import BadUsage
from webapp.cli.context import app, services
from webapp.jobs.model.job import Job
from webapp.jobs.queries.visible_jobs import Viewer
from webapp.views.job_list.admin_filter import AdminJobFilter


def filtered_jobs(name: str, limit: int) -> Sequence[Job]:
    """Return the newest jobs of the shared filter of this name; “mine” are those of the user who saved it."""
    try:
        saved = services().saved_filters.shared_named(name)
    except FilterNotFound:
        message = f"There is no shared filter named {name}, or several. Share it on the page of saved filters."
        raise BadUsage(message) from None
    with app().app_context():
        now = services().queries.jobs.now().astimezone(ZoneInfo(services().settings.timezone))
        criteria = AdminJobFilter.of(saved.arguments).criteria(now)
    viewer = Viewer(user_id=saved.owner_id, sees_all=True)
    return services().queries.lists.find(viewer, criteria, limit=limit).jobs
