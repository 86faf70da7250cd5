"""Who works: the one statement that finds every worker with a row or a lease, and what each one runs."""

from sqlalchemy import func, select, union

from webapp.schema import jobs, leases, now, workers

SHOWN = (
    *("name", "host", "pid", "job_id", "job_type", "job_title", "job_tenant", "job_started_at", "started_at"),
    *("memory", "horse_memory", "wished_by"),
)
_names = union(select(workers.c.name), select(leases.c.worker)).subquery("names")
WHO_WORKS = (
    select(
        _names.c.name,
        func.coalesce(workers.c.host, leases.c.host).label("host"),
        func.coalesce(workers.c.pid, leases.c.worker_pid).label("pid"),
        func.coalesce(leases.c.beat_at, workers.c.beat_at).label("beat_at"),
        *(workers.c[name] for name in ("queues", "version", "started_at", "memory", "horse_memory")),
        *(workers.c[name] for name in ("done", "failed", "wish", "wished_by")),
        *(leases.c.id.label("lease_id"), leases.c.queue),
        *(jobs.c[name].label(f"job_{name}") for name in ("id", "type", "title", "tenant", "started_at")),
        now().label("now"),
    )
    .select_from(_names)
    .outerjoin(workers, workers.c.name == _names.c.name)
    .outerjoin(leases, leases.c.worker == _names.c.name)
    .outerjoin(jobs, jobs.c.lease_id == leases.c.id)
)
