"""Speed and memory of `dataset_report`: a large CSV file, a workbook, bombs, and the same file for its peers."""

import os
import random
import shutil
import subprocess
import tempfile
from itertools import count, islice
from pathlib import Path
from time import perf_counter
from typing import IO
from uuid import uuid4
from zipfile import ZIP_DEFLATED, ZipFile

import xlsxwriter

from benchmarks import servers
from benchmarks.peers import environment, table_peers
from benchmarks.process_usage import Usage, usage_of_family
from benchmarks.rounds import Verdict
from webapp.app import create_app
from webapp.config import load
from webapp.db.engine import forget_inherited_connections
from webapp.db.revision import upgrade
from webapp.jobs.execution.leases import Holder
from webapp.jobs.lifecycle.finish_attempt import AttemptLocation
from webapp.jobs.model.job import Job, Status
from webapp.services import Services

MEGABYTE = 1_000_000
PEERS = Path(table_peers.__file__).with_name("table_requirements.txt")
GOAL = 300
PEER_SIZE = 20 * MEGABYTE  # csvstat takes minutes for more
WORKBOOK_SECONDS, WORKBOOK_MEGABYTES, BOMB_SECONDS = 30, 500, 2
BOMBS = ("corners.xlsx", "parts.xlsx", "rows.xlsx")


def run(*, short: bool) -> Verdict:
    """Report on 1 GB (short: 50 MB) of rows that hardly ever repeat, on a workbook and on bombs."""
    size, rows = (50 * MEGABYTE, 50_000) if short else (1000 * MEGABYTE, 500_000)
    folder = Path(tempfile.mkdtemp(prefix="dj-"))
    try:
        with servers.valkey() as redis, servers.database("sqlite") as url:
            services = _services(folder, url, redis)
            large, message = _report(services, _table(folder / "large.csv", size))
            print(f"  {message}")
            book, _ = _report(services, _workbook(folder / "book.xlsx", rows))
            print(f"  a workbook of {rows:,} rows: {book}")
            bombs = [_refusal(services, _bomb(folder / name)) for name in BOMBS]
            if not short:
                _compare(services, _table(folder / "small.csv", PEER_SIZE))
    finally:
        shutil.rmtree(folder)
    megabytes, rate = large.peak / MEGABYTE, size / MEGABYTE / large.seconds
    return Verdict(
        values=f"{size // MEGABYTE:,} MB of rows in {megabytes:.0f} MB of memory, {rate:.1f} MB per second, "
        f"{large.cpu:.0f} s of processor time; a workbook in {book.cpu:.0f} s; bombs refused in {max(bombs):.1f} s",
        goal=f"under {GOAL} MB, {WORKBOOK_SECONDS} s, {BOMB_SECONDS} s",
        ok=megabytes < GOAL
        and book.cpu < WORKBOOK_SECONDS
        and book.peak < WORKBOOK_MEGABYTES * MEGABYTE
        and max(bombs) < BOMB_SECONDS,
    )


def _report(services: Services, path: Path) -> tuple[Usage, str]:
    """Run the job in a process of its own; return what it used, and its message."""
    usage, job = _run_job(services, path)
    if job.status is not Status.COMPLETED:
        message = f"the report did not complete: {job.errors}"
        raise RuntimeError(message)
    return usage, job.message or ""


def _refusal(services: Services, path: Path) -> float:
    """Return the seconds of processor time after which a bomb is refused with a sentence."""
    usage, job = _run_job(services, path)
    if job.status is not Status.FAILED:
        message = f"{path.name} was not refused"
        raise RuntimeError(message)
    print(f"  {path.name}: {usage}. {job.errors[0]['text']}")
    return usage.cpu


def _run_job(services: Services, path: Path) -> tuple[Usage, Job]:
    with path.open("rb") as file:
        upload = services.files.receive(file, path.name)
    job = services.jobs.create_job("dataset_report", {}, files={"file": upload})
    lease = services.leases.open(Holder(host="here", boot_id="", worker=uuid4().hex, pid=os.getpid()), "default")
    began = perf_counter()
    if not (child := os.fork()):
        forget_inherited_connections(services.engine)
        services.work_horse().drain("default", lease, AttemptLocation(worker="bench", host="here", pid=os.getpid()))
        os._exit(0)
    return usage_of_family(child, began), services.jobs.get(job.id)


def _compare(services: Services, path: Path) -> None:
    """Print what the peers use for the same file."""
    print(f"  {PEER_SIZE // MEGABYTE} MB, dataset_report: {_report(services, path)[0]}", flush=True)
    if python := environment.python(PEERS):
        for name, command in table_peers.commands(path).items():
            began = perf_counter()
            process = subprocess.Popen(
                [python, *command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=path.parent
            )
            usage = usage_of_family(process.pid, began)
            print(
                f"  {PEER_SIZE // MEGABYTE} MB, {name}: {usage}{'' if usage.succeeded else ', and failed'}", flush=True
            )


def _services(folder: Path, url: str, redis: str) -> Services:
    app = create_app(load(data_dir=folder, database_url=url, redis_url=redis))
    upgrade(app.extensions["deskjob"].engine)
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


def _table(path: Path, size: int) -> Path:
    with path.open("wb") as table:
        _fill(table, size)
    return path


def _workbook(path: Path, rows: int) -> Path:
    chance = random.Random(7)
    with xlsxwriter.Workbook(path, {"constant_memory": True}) as book:
        sheet = book.add_worksheet()
        day = book.add_format({"num_format": "yyyy-mm-dd"})
        sheet.write_row(0, 0, ["id", "day", "city", "amount", "share", "note"])
        for row in range(1, rows + 1):
            sheet.write_row(row, 0, [row, None, f"City {row % 5000}", chance.gauss(100, 20), row % 7, f"note {row}"])
            sheet.write_number(row, 1, 45_000 + row % 700, day)
    return path


def _bomb(path: Path) -> Path:
    """Write a small workbook that takes gigabytes: cells in the corners of a sheet, millions of rows, or many parts."""
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet()
        sheet.write(0, 0, "first")
        sheet.write(1_048_575, 16_383, "last")
    if path.name.startswith("parts"):
        with ZipFile(path, "a") as archive:
            for number in range(6_000):
                archive.writestr(f"xl/media/{number}", b"")
    if path.name.startswith("rows"):
        with ZipFile(path, "w", ZIP_DEFLATED) as archive:
            archive.writestr("xl/workbook.xml", b"<workbook/>")
            archive.writestr("xl/worksheets/sheet1.xml", b"<row><c><v>1</v></c></row>" * 10_000_000)
    return path
