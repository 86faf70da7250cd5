"""The job that holds a unique key which another job needs, for a link to it."""

from webapp.jobs.model.job import Job
from webapp.jobs.store.job_store import JobNotFound
from webapp.jobs.store.unique_keys import KeyConflict
from webapp.views.page.request import services, viewer


def visible_holder(conflict: KeyConflict) -> Job | None:
    """Return the job that holds the key, or ``None`` if it has ended or the viewer cannot see it."""
    if conflict.job_id is None:
        return None
    try:
        return services().queries.jobs.get_visible(viewer(), conflict.job_id)
    except JobNotFound:
        return None
