"""The job that acts on many jobs, for the person who is signed in: with its progress, and a list of what it did."""

from webapp.jobs.job import Job
from webapp.jobtypes.bulk_action.payload import BulkAction
from webapp.views.current import services
from webapp.views.viewer import signed_in


def start_acting(what: BulkAction) -> Job:
    """Start it; it acts with the rights that this person has while it runs."""
    me = signed_in().id
    return services().jobs.create_user_job("bulk_action", what.model_dump(mode="json"), me, triggered_by=me)
