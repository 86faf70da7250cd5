"""Run dataset reports as jobs, from the upload to the output files."""

from io import BytesIO

from webapp.jobs.model.job import Owner


def test_the_report_is_the_first_output_file(services, run_jobs):
    table = services.files.receive(BytesIO(b"a\n1\n"), "table.csv")
    job = services.jobs.create_job("dataset_report", {"clean": True}, files={"file": table})
    run_jobs()
    left = [file.name for file in services.jobs.attachments(job.id) if file.role == "output"]
    assert left == ["table-report.html", "table-cleaned.csv", "table-profile.json"]
    assert services.jobs.get(job.id).message == "1 row, 1 column"


def test_the_report_names_its_owner_and_is_in_their_language(services, run_jobs, person, left_by):
    owner = Owner(user_id=person("eva", full_name="Eva Adler", language="de").id)
    table = services.files.receive(BytesIO(b"a\n1\n"), "table.csv")
    job = services.jobs.create_job("dataset_report", {}, files={"file": table}, owner=owner)
    run_jobs()
    html = left_by(job)["table-report.html"].decode()
    assert '<html lang="de">' in html
    assert "Eva Adler" in html
