"""Time per item of `job.track(iterable)`, compared with `tqdm(iterable)`."""

import io
import tempfile
from pathlib import Path
from time import perf_counter
from uuid import uuid4

from tqdm import tqdm

from benchmarks import servers
from benchmarks.rounds import Verdict, ratio
from webapp.app import create_app
from webapp.config import load
from webapp.db.revision import upgrade
from webapp.jobs.execution.context import JobContext
from webapp.jobs.execution.input_files import Inputs
from webapp.jobs.execution.leases import Holder
from webapp.jobs.execution.reporter import Reporter
from webapp.jobs.model.job import Job
from webapp.services import Services

ITEMS = 5_000_000
GOAL = 1.0


def run(*, short: bool) -> Verdict:
    """Iterate over a range both ways, while the row of a real job is updated."""
    items = ITEMS // 5 if short else ITEMS
    with (
        tempfile.TemporaryDirectory(prefix="dj-") as folder,
        servers.valkey() as redis,
        servers.database("sqlite") as url,
    ):
        services, job = _running_job(Path(folder), url, redis)
        times = ratio(
            f"{items:,} items", lambda: _track(services, job, items), lambda: _tqdm(items), rounds=5, unit="ns per item"
        )
    return Verdict(
        values=f"{times:.2f} times the cost of `tqdm` per item", goal=f"at most {GOAL:.0f}", ok=times.median <= GOAL
    )


def _running_job(folder: Path, url: str, redis: str) -> tuple[Services, Job]:
    app = create_app(load(data_dir=folder, database_url=url, redis_url=redis, jobtypes="benchmarks.noop"))
    upgrade(app.extensions["deskjob"].engine)
    services: Services = app.extensions["deskjob"]
    services.jobs.create_job("noop")
    lease = services.leases.open(Holder(host="here", boot_id="", worker=uuid4().hex, pid=1), "default")
    job = services.claims.claim("default", lease, fresh=True)
    assert job is not None
    return services, job


def _track(services: Services, job: Job, items: int) -> float:
    reporter = Reporter(services.engine, job)
    context = JobContext(
        job,
        reporter,
        services.files,
        inputs=Inputs({}),
        keep_files=services.registry.get("noop").keep_files,
        creator=services.jobs,
    )
    began = perf_counter()
    for _ in context.track(range(items)):
        pass
    seconds = perf_counter() - began
    reporter.close()
    return seconds / items * 1e9


def _tqdm(items: int) -> float:
    began = perf_counter()
    for _ in tqdm(range(items), file=io.StringIO()):
        pass
    return (perf_counter() - began) / items * 1e9
