"""pgqueuer on PostgreSQL with asyncpg. It claims and finishes jobs in batches, and keeps finished ones in its log."""

import asyncio
import sys
from time import perf_counter
from typing import Any

import asyncpg
from pgqueuer import PgQueuer
from pgqueuer.queries import Queries

from benchmarks.peers.commands import serve


def install() -> None:
    """Create its tables."""
    asyncio.run(_install())


async def _install() -> None:
    await Queries.from_asyncpg_connection(await asyncpg.connect(sys.argv[2])).install()


def fill(count: int) -> None:
    """Create no-op jobs."""
    asyncio.run(_fill(count))


async def _fill(count: int) -> None:
    queries = Queries.from_asyncpg_connection(await asyncpg.connect(sys.argv[2]))
    await queries.enqueue(["noop"] * count, [str(number).encode() for number in range(count)], [0] * count)


def work(count: int, batch_size: int) -> float:
    """Run the jobs; return the seconds from the start of the connected worker until the last job is in the log."""
    return asyncio.run(_work(count, batch_size))


async def _work(count: int, batch_size: int) -> float:
    peer = PgQueuer.from_asyncpg_connection(await asyncpg.connect(sys.argv[2]))
    log_jobs, left, ended = peer.queries.log_jobs, count, 0.0

    async def log_and_count(jobs: list[Any]) -> None:
        nonlocal left, ended
        await log_jobs(jobs)
        left -= sum(status == "successful" for _, status, _ in jobs)
        if not left:
            ended = perf_counter()
            peer.shutdown.set()

    peer.queries.log_jobs = log_and_count
    peer.entrypoint("noop")(_noop)
    began = perf_counter()
    await peer.run(batch_size=batch_size)
    return ended - began


async def _noop(_job: Any) -> None:
    """Do nothing."""


if __name__ == "__main__":
    serve({"install": install, "fill": fill, "work": work})
