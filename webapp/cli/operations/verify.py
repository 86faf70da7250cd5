"""verify: check the invariants of a running installation."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from webapp.cli.context import services
from webapp.cli.output import as_json, readable
from webapp.cli.parameters import in_json

if TYPE_CHECKING:
    from webapp.jobs.invariants.check import Finding


@click.command()
@click.option("--deep", is_flag=True, help="Also read every file and compare its SHA-256.")
@in_json
def verify(*, deep: bool, in_json: bool) -> None:
    """Check that nothing is lost, duplicated or left behind. It changes nothing; exit status 1 if a check fails."""
    from webapp.jobs.invariants.verifier import run_checks
    from webapp.processes.preflight import require_tables

    require_tables(services())
    findings = []
    for finding in run_checks(services().checks(deep=deep)):
        findings.append(finding)
        for line in () if in_json else _lines(finding):
            click.echo(readable(line))
    broken = [finding for finding in findings if not finding.holds]
    if in_json:
        checks = [{"holds": finding.holds, **asdict(finding)} for finding in findings]
        click.echo(as_json({"holds": not broken, "checks": checks}))
    elif broken:
        click.echo(f"{len(broken)} of {len(findings)} checks failed.", err=True)
    else:
        click.echo(f"All {len(findings)} checks passed.")
    sys.exit(1 if broken else 0)


def _lines(finding: Finding) -> Iterator[str]:
    from webapp.jobs.invariants.check import EXAMPLES

    yield f"{'holds ' if finding.holds else 'BROKEN'}  {finding.rule}"
    for example in finding.examples:
        yield f"          {example}"
    if finding.count > EXAMPLES:
        yield f"          … and {finding.count - EXAMPLES:,} more"
