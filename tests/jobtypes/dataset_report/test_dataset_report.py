"""Run dataset reports as jobs, from the upload to the output files."""

from io import BytesIO

import pytest

from webapp.jobs.model.job import Owner
from webapp.jobtypes import dataset_report


def test_the_report_is_the_first_output_file(services, run_jobs):
    table = services.files.receive(BytesIO(b"a\n1\n"), "table.csv")
    job = services.jobs.create_job("dataset_report", {"clean": True}, files={"file": table})
    run_jobs()
    left = [file.name for file in services.jobs.attachments(job.id) if file.role == "output"]
    assert left == ["table-report.html", "table-cleaned.csv", "table-profile.json"]
    assert services.jobs.get(job.id).message == "1 row, 1 column"


@pytest.mark.parametrize("rows", [2, 30])
def test_the_first_columns_of_a_very_wide_table_are_described(report_on, monkeypatch, rows):
    monkeypatch.setattr(dataset_report, "MOST_DESCRIBED", 2)
    job = report_on("a,b,c,d\n" + 'x,"1,5",2,3\n' * rows, clean=True)
    assert [column["name"] for column in job.profile["columns"]] == ["a", "b"]
    assert (job.profile["columns_left_out"], job.profile["first_rows"][0]) == (2, ["x", "1,5"])
    assert job.profile["notes"] == ["The first 2 of 4 columns are described."]
    assert job.cleaned[:2] == [["a", "b", "c", "d"], ["x", "1,5", "2", "3"]]
    assert job.messages[-1] == f"{rows} rows, 4 columns"


def test_the_report_names_its_owner_and_is_in_their_language(services, run_jobs, person, left_by):
    owner = Owner(user_id=person("eva", full_name="Eva Adler", language="de").id)
    table = services.files.receive(BytesIO(b"a\n1\n"), "table.csv")
    job = services.jobs.create_job("dataset_report", {}, files={"file": table}, owner=owner)
    run_jobs()
    html = left_by(job)["table-report.html"].decode()
    assert '<html lang="de">' in html
    assert "Eva Adler" in html
