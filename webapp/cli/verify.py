"""verify: check the invariants of a running installation."""

import sys
from collections.abc import Iterator
from dataclasses import asdict

import click

from webapp.cli.context import services
from webapp.cli.output import as_json, readable
from webapp.cli.parameters import in_json
from webapp.jobs.invariants.check import EXAMPLES, Finding
from webapp.jobs.invariants.verifier import run_checks
from webapp.processes.preflight import require_tables


@click.command()
@click.option("--deep", is_flag=True, help="Also read every file and compare its SHA-256.")
@in_json
def verify(*, deep: bool, in_json: bool) -> None:
    """Check that nothing is lost, duplicated or left behind. It changes nothing; exit status 1 if a check fails."""
    require_tables(services())
    findings = []
    for found in run_checks(services().checks(deep=deep)):
        findings.append(found)
        for line in () if in_json else _lines(found):
            click.echo(readable(line))
    broken = [found for found in findings if not found.holds]
    if in_json:
        click.echo(as_json({"holds": not broken, "checks": [{"holds": one.holds, **asdict(one)} for one in findings]}))
    elif broken:
        click.echo(f"{len(broken)} of {len(findings)} checks failed.", err=True)
    else:
        click.echo(f"All {len(findings)} checks passed.")
    sys.exit(1 if broken else 0)


def _lines(found: Finding) -> Iterator[str]:
    yield f"{'holds ' if found.holds else 'BROKEN'}  {found.rule}"
    for example in found.examples:
        yield f"          {example}"
    if found.count > EXAMPLES:
        yield f"          … and {found.count - EXAMPLES:,} more"
