"""The dashboard, the alerts and the documentation name only metrics that exist, and the documentation names all."""

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from webapp.jobs.metrics.totals import SummedDurations, Totals
from webapp.jobs.monitoring.figures import InstallationFigures, ScheduleFigures
from webapp.jobs.monitoring.snapshot import Capacity
from webapp.views.metrics.families import of_installation, of_web
from webapp.views.metrics.request_counts import RequestCounts

ROOT = Path(__file__).parent.parent.parent.parent
DOCUMENT = (ROOT / "docs/monitoring.md").read_text()
_NAME = re.compile(r"\bdeskjob_[a-z_]+")
_LABELS = re.compile(r"(deskjob_[a-z_]+)\{([^}]*)\}")


def figures(**values: Any) -> InstallationFigures:
    durations = {("import", "slow"): SummedDurations(counts={3: 2}, seconds=0.05)}
    totals = Totals(
        attempts={("import", "slow", "failed"): 2}, run_times=durations, wait_times=durations, events={"lost": 1}
    )
    known: dict[str, Any] = {
        "at": datetime(2026, 1, 1, tzinfo=UTC),
        "unfinished": {("slow", "import", "queued"): 3, ("", "record", "running"): 1},
        "oldest_waits": {"slow": timedelta(minutes=1)},
        "to_approve": {"payment": 2},
        "to_answer": {"import": 1},
        "launched": {"far": 3},
        "flows": 2,
        "over_rate": {"import": 5},
        "used_up_budgets": {"jobs": 1},
        "paused_queues": ("slow",),
        "totals": totals,
        "rollup_ages": {"runs": timedelta(seconds=5)},
        "workers": (),
        "leases": 2,
        "overdue_leases": 1,
        "clock_silent_for": None,
        "schedules": ScheduleFigures(active=1, paused=2, of_users=1, latest_delay=timedelta(0)),
        "errors": {"open": 4},
        "database_bytes": 1,
        "connections": Capacity(used=3, total=100),
        "redis": Capacity(used=1, total=0),
        "disk": Capacity(used=1, total=2),
    }
    return InstallationFigures(**known | values)


def samples() -> dict[str, list[dict[str, str]]]:
    counts = RequestCounts(["jobs"])
    counts.add("jobs", 200, 0.1)
    found: dict[str, list[dict[str, str]]] = {}
    for family in (*of_web(counts), *of_installation(figures())):
        for sample in family.samples:
            found.setdefault(sample.name, []).append(sample.labels)
    return found


def alerts() -> list[dict[str, Any]]:
    return yaml.safe_load((ROOT / "deploy/prometheus-alerts.yml").read_text())["groups"][0]["rules"]


def expressions() -> list[str]:
    panels = json.loads((ROOT / "deploy/grafana.json").read_text())["panels"]
    queries = [target["expr"] for panel in panels for target in panel.get("targets", ())]
    return [*queries, *(alert["expr"] for alert in alerts())]


def test_no_rule_and_no_panel_names_a_metric_that_does_not_exist() -> None:
    known = samples()
    for expression in expressions():
        names = _NAME.findall(expression)
        assert names or 'up{job="deskjob"}' in expression, expression
        assert set(names) <= known.keys(), expression
        for name, matchers in _LABELS.findall(expression):
            labels = re.findall(r"(\w+)\s*(?:=~|=|!=)", matchers)
            assert set(labels) <= known[name][0].keys(), expression
        for labels in re.findall(r"\bby \(([^)]*)\)", expression):
            having = set().union(*(label.keys() for name in names for label in known[name])) | {"instance"}
            assert set(labels.replace(" ", "").split(",")) <= having, expression


@pytest.mark.parametrize("alert", alerts(), ids=lambda alert: alert["alert"])
def test_each_alert_says_what_to_do(alert: dict[str, Any]) -> None:
    assert {"summary", "action", "runbook"} == alert["annotations"].keys()
    assert alert["labels"]["severity"] in {"warning", "critical"}
    assert alert["annotations"]["runbook"] == f"docs/monitoring.md#{alert['alert'].lower()}"
    assert f"### {alert['alert']}\n" in DOCUMENT


def test_the_document_has_every_metric_and_no_other() -> None:
    ends = re.compile(r"_(bucket|sum|count|created)$")
    documented = set(_NAME.findall(DOCUMENT.partition("## Metrics")[2]))
    assert documented == {ends.sub("", name) for name in samples()}


def test_a_silent_installation_reports_what_is_missing() -> None:
    values = {
        sample.name: sample.value
        for family in of_installation(figures(redis=None, connections=None))
        for sample in family.samples
    }
    assert (values["deskjob_redis_up"], values["deskjob_clock_silent_seconds"]) == (0, float("inf"))
    assert "deskjob_database_server_connections_used" not in values
    assert [sample.value for family in of_installation(None) for sample in family.samples] == [0]


def test_a_histogram_ends_with_all_durations() -> None:
    (family,) = (found for found in of_installation(figures()) if found.name == "deskjob_run_duration_seconds")
    by_bound = {sample.labels["le"]: sample.value for sample in family.samples if "le" in sample.labels}
    assert (by_bound["0.02"], by_bound["0.05"], by_bound["+Inf"]) == (0, 2, 2)
