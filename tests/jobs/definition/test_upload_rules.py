from io import BytesIO

import pytest
from pydantic import BaseModel, Field

from webapp.jobs.definition.job_type import InvalidPayload, Upload, job_type
from webapp.jobs.definition.upload_rules import UploadRule, upload_rule_of
from webapp.services import Services


class Pictures(BaseModel):
    table: Upload = Field(json_schema_extra={"accept": ".csv, .TSV", "max_bytes": 10})
    logo: Upload | None = Field(None, json_schema_extra={"accept": "image/*"})
    any_file: Upload | None = Field(None, alias="anyFile", json_schema_extra={"max_bytes": 3})


@pytest.fixture(autouse=True)
def _pictures(services: Services) -> None:
    @job_type("pictures", title="Pictures")
    def pictures(job: object, payload: Pictures) -> None:
        """Do nothing."""

    services.registry.add(pictures)


def create(services: Services, **files: tuple[str, bytes]) -> None:
    received = {field: services.files.receive(BytesIO(data), name) for field, (name, data) in files.items()}
    services.jobs.create_job("pictures", files=received)


def test_a_field_declares_which_files_it_accepts() -> None:
    assert upload_rule_of(Pictures, "table") == UploadRule(kinds=(".csv", ".tsv"), max_bytes=10)
    assert upload_rule_of(Pictures, "anyFile") == UploadRule(max_bytes=3)
    assert upload_rule_of(Pictures, "no_such") == UploadRule()


@pytest.mark.parametrize(
    ("field", "name", "data", "sentence"),
    [
        ("table", "a.pdf", b"x", "a.pdf is not an accepted file type. Choose a file of type .csv or .tsv."),
        ("table", "a.csv", b"", "a.csv is empty. Choose another file."),
        (
            "table",
            "a.csv",
            b"x" * 11,
            "a.csv is larger than the limit of 10 bytes. Choose a smaller file.",
        ),
        ("logo", "a.html", b"x", "a.html is not an accepted file type. Choose a file of type image/*."),
        ("anyFile", "a", b"1234", "a is larger than the limit of 3 bytes. Choose a smaller file."),
    ],
)
def test_a_rejected_file_has_a_message(services: Services, field: str, name: str, data: bytes, sentence: str) -> None:
    with pytest.raises(InvalidPayload) as refused:
        create(services, **{"table": ("a.csv", b"a"), field: (name, data)})
    assert refused.value.errors == {field: sentence}


def test_a_file_within_the_limits_is_accepted(services: Services) -> None:
    create(services, table=("A.CSV", b"x" * 10), logo=("a.png", b"x"), anyFile=("a", b"123"))


def test_the_files_of_a_payload_object_are_checked_too(services: Services) -> None:
    file = services.files.receive(BytesIO(b"x"), "a.pdf")
    described = Pictures(table=Upload(name="a.csv", size=1, sha256=file.sha256))
    with pytest.raises(InvalidPayload, match="not an accepted file type"):
        services.jobs.create_job("pictures", described, files={"table": file})
