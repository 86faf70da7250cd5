"""Read the output files of a job."""

import pytest


@pytest.fixture
def left_by(services):
    """Give the bytes of a job's output files by name."""

    def files(job) -> dict[str, bytes]:
        found = {}
        for attachment in services.jobs.attachments(job.id):
            if attachment.role == "output":
                with services.files.open(attachment.id) as file:
                    found[attachment.name] = file.read()
        return found

    return files
