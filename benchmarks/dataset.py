"""Speed of `dataset_report` on a large CSV, and peak memory of all of its processes."""

import os
import random
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from itertools import count, islice
from pathlib import Path
from time import perf_counter, sleep
from typing import IO
from uuid import uuid4

from flask_migrate import upgrade

from benchmarks import servers
from benchmarks.rounds import Verdict
from webapp.app import create_app
from webapp.config import load
from webapp.db.engine import forget_inherited_connections
from webapp.jobs.execution.leases import Holder
from webapp.jobs.lifecycle.finish_attempt import AttemptLocation
from webapp.jobs.model.job import Status
from webapp.services import Services

MEGABYTE = 1_000_000
GOAL = 300
SAMPLING = 0.05  # seconds between two looks at the memory


def run(*, short: bool) -> Verdict:
    """Report on 1 GB (short: 50 MB) of rows that hardly ever repeat."""
    size = (50 if short else 1000) * MEGABYTE
    folder = Path(tempfile.mkdtemp(prefix="dj-"))
    try:
        with servers.valkey() as redis, servers.database("sqlite") as url:
            services = _services(folder, url, redis)
            with tempfile.TemporaryFile(dir=folder) as table:
                _fill(table, size)
                table.seek(0)
                upload = services.files.receive(table, "table.csv")
            job = services.jobs.create_job("dataset_report", {}, files={"file": upload})
            peak, seconds = _run_in_child(services)
            ended = services.jobs.get(job.id)
    finally:
        shutil.rmtree(folder)
    if ended.status is not Status.COMPLETED:
        message = f"the report did not complete: {ended.errors}"
        raise RuntimeError(message)
    print(f"  {ended.message}")
    megabytes, rate = peak / MEGABYTE, size / MEGABYTE / seconds
    return Verdict(
        values=f"{size // MEGABYTE:,} MB of rows in {megabytes:.0f} MB of memory, {rate:.1f} MB per second",
        goal=f"under {GOAL} MB",
        ok=megabytes < GOAL,
    )


def _services(folder: Path, url: str, redis: str) -> Services:
    app = create_app(load(data_dir=folder, database_url=url, redis_url=redis))
    with app.app_context():
        upgrade()
    services: Services = app.extensions["deskjob"]
    return services


def _fill(table: IO[bytes], size: int) -> None:
    chance = random.Random(7)
    table.write(b"id,when,city,latitude,amount,flag,note\n")
    numbers = count(1)
    while table.tell() < size:
        rows = []
        for number in islice(numbers, 20_000):
            day = number % 28 + 1
            rows.append(
                f"{number},2026-{number % 12 + 1:02}-{day:02},City {chance.randrange(5000)},{chance.random() * 90:.6f},"
                f"{chance.gauss(100, 20):.2f},{number % 3 == 0},note {chance.getrandbits(48):x}\n"
            )
        table.write("".join(rows).encode())


def _run_in_child(services: Services) -> tuple[int, float]:
    """Run the job; return the peak memory of all of its processes in bytes, and its seconds."""
    lease = services.leases.open(Holder(host="here", boot_id="", worker=uuid4().hex, pid=os.getpid()), "default")
    began = perf_counter()
    if not (child := os.fork()):
        forget_inherited_connections(services.engine)
        services.work_horse().drain("default", lease, AttemptLocation(worker="bench", host="here", pid=os.getpid()))
        os._exit(0)
    peak = peak_of_family(child)
    return peak, perf_counter() - began


def peak_of_family(pid: int) -> int:
    """Wait for a child of this process; return the most memory that it and its descendants had together, in bytes.

    Pages that processes share are counted once (PSS).
    """
    peak = 0
    while os.waitpid(pid, os.WNOHANG) == (0, 0):
        peak = max(peak, sum(map(_pss, _family(pid))))
        sleep(SAMPLING)
    return peak


def _family(pid: int) -> Iterator[int]:
    yield pid
    with suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                yield from _family(int(child))


def _pss(pid: int) -> int:
    with suppress(OSError, StopIteration):
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        return 1024 * int(next(line for line in lines if line.startswith("Pss:")).split()[1])
    return 0
