"""Run dataset reports as jobs, from the upload to the output files."""

from io import BytesIO


def test_the_report_is_the_first_output_file(services, run_jobs):
    table = services.files.receive(BytesIO(b"a\n1\n"), "table.csv")
    job = services.jobs.create_job("dataset_report", {"clean": True}, files={"file": table})
    run_jobs()
    left = [file.name for file in services.jobs.attachments(job.id) if file.role == "output"]
    assert left == ["table-report.html", "cleaned.csv", "profile.json"]
    assert services.jobs.get(job.id).message == "1 row, 1 column"
