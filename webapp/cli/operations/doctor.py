"""doctor: check an installation."""

from __future__ import annotations

import os
import sys
from dataclasses import asdict

import click

from webapp.cli.context import services
from webapp.cli.output import as_json, readable
from webapp.cli.parameters import in_json

_MARKS = {"good": "ok      ", "warning": "WARNING ", "problem": "PROBLEM "}


@click.command()
@in_json
def doctor(*, in_json: bool) -> None:
    """Check this installation.

    It looks at settings, folders, database, Redis, processes and clocks, and says what to do. It changes no data.
    Exit status 1 if there is a problem; warnings do not count.
    """
    from webapp.operations.doctor import Level, examine
    from webapp.processes.preflight import quiet_alembic

    quiet_alembic()
    findings = []
    for finding in examine(services(), os.environ):
        findings.append(finding)
        if not in_json:
            click.echo(readable(f"{_MARKS[finding.level]} {finding.subject}: {finding.text} {finding.advice}".rstrip()))
    if in_json:
        click.echo(as_json([asdict(finding) for finding in findings]))
    sys.exit(1 if any(finding.level is Level.PROBLEM for finding in findings) else 0)
