"""`JobQueries`, the reads of jobs for pages, commands and handlers, one object per subject. Nothing here writes."""

from sqlalchemy import Engine

from webapp.jobs.flows.flow_queries import FlowQueries
from webapp.jobs.queries.all_jobs import AllJobs
from webapp.jobs.queries.dependency_graph import DependencyGraphs
from webapp.jobs.queries.ended_since import EndedSince
from webapp.jobs.queries.event_feed import EventFeed
from webapp.jobs.queries.log_lines import JobLogs
from webapp.jobs.queries.pagination import JobPages
from webapp.jobs.queries.polled_state import PolledStates
from webapp.jobs.queries.related_jobs import RelatedJobQueries
from webapp.jobs.queries.visible_jobs import VisibleJobs
from webapp.jobs.queueing.start_estimate import StartEstimates
from webapp.jobs.store.attachments import Attachments
from webapp.jobs.store.step_rows import JobSteps


class JobQueries:
    """The reads of jobs, one attribute per subject."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.jobs = VisibleJobs(engine)
        self.lists = JobPages(engine)
        self.all_jobs = AllJobs(engine)
        self.related = RelatedJobQueries(engine)
        self.flows = FlowQueries(engine)
        self.graphs = DependencyGraphs(engine)
        self.logs = JobLogs(engine)
        self.files = Attachments(engine)
        self.steps = JobSteps(engine)
        self.estimates = StartEstimates(engine)
        self.polled = PolledStates(engine)
        self.events = EventFeed(engine)
        self.ended_since = EndedSince(engine)
