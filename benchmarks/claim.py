"""Time of a claim with many queued jobs, compared with 1,000.

"With limits" means that a job type with concurrency limits is installed, so that every claim counts running jobs.
The queued jobs are of another type, so no limit applies to them.
"""

from functools import partial
from statistics import median
from time import perf_counter

from sqlalchemy import update

from benchmarks.installation import installed
from benchmarks.rounds import Spread, ratio
from webapp.db.engine import writing
from webapp.jobs.execution.leases import Holder
from webapp.jobs.model.policies import Limits
from webapp.jobs.queueing.claim import Claims
from webapp.schema import jobs
from webapp.services import Services

GOAL = 1.5
FEW, MANY, SHORT_MANY = 1000, 1_000_000, 100_000
CHUNK, CLAIMS = 10_000, 200
LIMITS: dict[str, dict[str, Limits]] = {
    "without limits": {},
    "with limits": {"limited": Limits(running=50, running_per_owner=20)},
}


def costs(redis: str, *, short: bool) -> dict[str, Spread]:
    """Return the ratio of the claim times, by database and kind of claim."""
    many, rounds = (SHORT_MANY, 3) if short else (MANY, 7)
    found = {}
    for kind in ("sqlite", "postgresql"):
        with installed(kind, redis) as large, installed(kind, redis) as small:
            _fill(large, many)
            _fill(small, FEW)
            for name, limits in LIMITS.items():
                found[f"{kind} {name}"] = ratio(
                    f"claim, {kind}, {name}, {many:,} compared with {FEW:,} rows",
                    partial(_microseconds, large, Claims(large.engine, limits)),
                    partial(_microseconds, small, Claims(small.engine, limits)),
                    rounds=rounds,
                    unit="us",
                )
    return found


def _fill(services: Services, count: int) -> None:
    for first in range(0, count, CHUNK):
        services.jobs.create_many("noop", [{"number": 0}] * min(CHUNK, count - first))


def _microseconds(services: Services, claims: Claims) -> float:
    lease = services.leases.open(Holder(host="here", boot_id="", worker="bench", pid=1), "default")
    times, taken = [], []
    for _ in range(CLAIMS):
        began = perf_counter()
        job = claims.claim("default", lease, fresh=True)
        times.append(perf_counter() - began)
        assert job is not None
        taken.append(job.id)
    with writing(services.engine) as connection:  # queue them again for the next round
        waiting = {"status": "queued", "lease_id": None}
        again = connection.execute(update(jobs).where(jobs.c.id.in_(taken)).values(**waiting)).rowcount
    if len(set(taken)) != CLAIMS or again != CLAIMS:
        message = f"expected {CLAIMS} different jobs, found {len(set(taken))}"
        raise RuntimeError(message)
    return median(times) * 1e6
