import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from webapp.cli.output import as_json, as_json_line, job_in_words, print_jobs, progress_line, readable
from webapp.jobs.model.job import Job, Status

AT = datetime(2026, 11, 28, 10, tzinfo=UTC)
JOB = Job(
    id=uuid4(),
    type="letters",
    title="Letters",
    payload={},
    status=Status.RUNNING,
    progress=42.0,
    message="half\x1b[2Jway",
)


@dataclass
class Line:
    id: UUID
    took: timedelta
    at: datetime


def test_json_has_times_in_iso_8601_and_periods_in_seconds() -> None:
    line = Line(uuid4(), timedelta(minutes=1.5), AT)
    expected = {"id": str(line.id), "took": 90.0, "at": "2026-11-28T10:00:00+00:00"}
    assert json.loads(as_json_line(line)) == expected
    assert json.loads(as_json([vars(line)])) == [expected]


def test_control_characters_of_a_job_do_not_reach_the_terminal() -> None:
    assert readable("a\x1b[31mb\r\tc\n") == "a\N{REPLACEMENT CHARACTER}[31mb\N{REPLACEMENT CHARACTER}\tc\n"
    assert "\x1b" not in progress_line(JOB) + job_in_words(JOB, "ana")


def test_a_job_that_was_asked_to_stop_says_so_until_it_has_ended() -> None:
    stopping = replace(JOB, cancel_requested_at=AT, message="")
    assert progress_line(stopping) == "running, stopping 42.0 %"
    assert progress_line(replace(stopping, status=Status.CANCELLED)) == "cancelled 42.0 %"


def test_the_details_leave_out_what_is_empty_and_end_with_the_diagnostics() -> None:
    words = job_in_words(replace(JOB, warnings=({"text": "late", "at": ""},)), "ana")
    assert "owner     ana" in words
    assert "finished" not in words
    assert "children" not in words
    assert words.endswith("warning: late")


@pytest.mark.parametrize(("alone", "kind"), [(True, dict), (False, list)])
def test_one_job_is_a_json_object_and_several_are_a_list(
    capsys: pytest.CaptureFixture[str], kind: type, *, alone: bool
) -> None:
    print_jobs([JOB], in_json=True, alone=alone)
    assert isinstance(json.loads(capsys.readouterr().out), kind)
    print_jobs([JOB], in_json=False)
    assert capsys.readouterr().out.startswith(f"{JOB.id}  running     42.0 %  letters")
