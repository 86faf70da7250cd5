"""Procrastinate on PostgreSQL: a worker with its defaults, which runs one job at a time."""

import asyncio
import sys
from time import perf_counter

from procrastinate import App, PsycopgConnector

from benchmarks.peers import jobs
from benchmarks.peers.commands import serve

app = App(connector=PsycopgConnector(conninfo=sys.argv[2]))
noop = app.task(name="noop")(jobs.noop)


def install() -> None:
    """Create its tables."""
    with app.open():
        app.schema_manager.apply_schema()


def fill(count: int) -> None:
    """Create no-op jobs."""
    with app.open():
        noop.batch_defer(*[{"number": number} for number in range(count)])


def work(count: int) -> float:
    """Run the jobs; return the seconds from the start of the connected worker to its end."""
    return asyncio.run(_work(count))


async def _work(count: int) -> float:
    async with app.open_async():
        before = await _succeeded()
        began = perf_counter()
        await app.run_worker_async(wait=False)
        seconds = perf_counter() - began
        if (done := await _succeeded() - before) != count:
            message = f"Procrastinate finished {done} jobs instead of {count}"
            raise RuntimeError(message)
        return seconds


async def _succeeded() -> int:
    row = await app.connector.execute_query_one_async(
        "SELECT count(*) AS succeeded FROM procrastinate_jobs WHERE status = 'succeeded'"
    )
    return int(row["succeeded"])


if __name__ == "__main__":
    serve({"install": install, "fill": fill, "work": work})
