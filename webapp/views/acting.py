"""Acting on many jobs for the person who is signed in: who acts, and the job that does it where they are many."""

from webapp.accounts.rights import Right, may
from webapp.jobs.acting import Actor
from webapp.jobs.job import Job
from webapp.jobtypes.bulk_action.payload import BulkAction
from webapp.views.current import services
from webapp.views.reader import closed_types
from webapp.views.viewer import signed_in


def actor() -> Actor:
    """Return who acts, and on whose jobs and kinds of jobs that person may."""
    user = signed_in()
    return Actor(user_id=user.id, on_all=may(user, Right.ACT_ON_ALL_JOBS), closed_types=closed_types())


def start_acting(what: BulkAction) -> Job:
    """Start the job that does it, with its progress and a list of what it did, with the rights that this person has."""
    me = signed_in().id
    return services().jobs.create_user_job("bulk_action", what.model_dump(mode="json"), me, triggered_by=me)
