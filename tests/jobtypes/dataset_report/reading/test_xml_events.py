from io import BytesIO

import pytest

from webapp.jobs import JobError
from webapp.jobtypes.dataset_report.reading import xml_events as module
from webapp.jobtypes.dataset_report.reading.xml_events import xml_events


def test_names_lose_their_prefixes() -> None:
    assert list(xml_events(BytesIO(b"<x:a n='1'>b<x:c/></x:a>"))) == [
        ("start", "a", {"n": "1"}),
        ("text", "b", {}),
        ("start", "c", {}),
        ("end", "c", {}),
        ("end", "a", {}),
    ]


def test_a_document_type_is_refused_before_it_can_define_entities() -> None:
    with pytest.raises(JobError, match="document type declaration"):
        list(xml_events(BytesIO(b"<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>")))


@pytest.mark.parametrize("content", [b"", b"<a>", b"plain text", b"<a></b>"])
def test_anything_that_is_not_xml_is_a_damaged_workbook(content: bytes) -> None:
    with pytest.raises(JobError, match="The workbook is damaged: "):
        list(xml_events(BytesIO(content)))


def test_a_tag_that_never_ends_is_refused_before_it_fills_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CHUNK", 100)
    monkeypatch.setattr(module, "LONGEST_TOKEN", 1_000)
    with pytest.raises(JobError, match="a tag that never ends"):
        list(xml_events(BytesIO(b"<a b='" + b"c" * 5_000)))
