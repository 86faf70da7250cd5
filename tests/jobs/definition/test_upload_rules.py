from io import BytesIO

import pytest
from pydantic import BaseModel, Field

from webapp.jobs.definition.field_specs import Upload
from webapp.jobs.definition.job_type import InvalidPayload, job_type
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


class Album(BaseModel):
    pictures: list[Upload] = Field(max_length=2, json_schema_extra={"max_bytes": 10, "max_total_bytes": 15})
    notes: list[Upload] = []


def test_a_list_has_limits_for_each_file_and_for_all() -> None:
    rule = upload_rule_of(Album, "pictures")
    assert rule == UploadRule(max_bytes=10, max_files=2, max_total_bytes=15, is_list=True)
    assert (rule.total_limit(100), rule.total_limit(5), upload_rule_of(Album, "notes").total_limit(100)) == (
        15,
        10,
        100,
    )
    assert (upload_rule_of(Album, "notes").max_files, upload_rule_of(Pictures, "anyFile").total_limit(100)) == (20, 3)


def test_a_list_of_files_fills_its_field(services: Services) -> None:
    @job_type("album", title="Album")
    def album(job: object, payload: Album) -> None:
        """Do nothing."""

    services.registry.add(album)

    def create_album(*sizes: int) -> list[str]:
        files = [services.files.receive(BytesIO(b"x" * size), f"{size}.png") for size in sizes]
        job = services.jobs.create_job("album", files={"pictures": files})
        assert [file.name for file in services.jobs.attachments(job.id)] == [file.name for file in files]
        return [upload["name"] for upload in job.payload["pictures"]]

    assert create_album(3, 4) == ["3.png", "4.png"]
    assert create_album() == []
    for sizes, sentence in (
        ((1, 2, 3), "Too many files: 3. Choose at most 2."),
        ((8, 9), "The files are larger than the limit of 15 bytes in total. Choose fewer."),
        ((3, 11), "11.png is larger than the limit of 10 bytes. Choose a smaller file."),
    ):
        with pytest.raises(InvalidPayload) as refused:
            create_album(*sizes)
        assert refused.value.errors == {"pictures": sentence}


def test_a_field_for_one_file_takes_one(services: Services) -> None:
    files = [services.files.receive(BytesIO(b"x"), "a.csv") for _ in range(2)]
    with pytest.raises(InvalidPayload, match="Too many files: 2"):
        services.jobs.create_job("pictures", files={"table": files})
    assert services.jobs.create_job("pictures", files={"table": files[:1]}).payload["table"]["name"] == "a.csv"


def test_a_file_within_the_limits_is_accepted(services: Services) -> None:
    create(services, table=("A.CSV", b"x" * 10), logo=("a.png", b"x"), anyFile=("a", b"123"))


def test_the_files_of_a_payload_object_are_checked_too(services: Services) -> None:
    file = services.files.receive(BytesIO(b"x"), "a.pdf")
    described = Pictures(table=Upload(name="a.csv", size=1, sha256=file.sha256))
    with pytest.raises(InvalidPayload, match="not an accepted file type"):
        services.jobs.create_job("pictures", described, files={"table": file})
