from io import BytesIO

import pytest

from webapp.jobtypes.tables.reading import encoding
from webapp.jobtypes.tables.reading.encoding import encoding_name, encoding_of

TEXT = "name,città\nAna,Málaga\n"


@pytest.mark.parametrize(
    ("codec", "detected"),
    [
        ("utf-8", "utf-8"),
        ("utf-8-sig", "utf-8-sig"),
        ("utf-16", "utf-16"),
        ("utf-16-le", "utf-16-le"),
        ("utf-16-be", "utf-16-be"),
        ("utf-32", "utf-32"),
        ("cp1252", "cp1252"),
    ],
)
def test_the_encoding_is_detected_and_the_file_rewound(codec: str, detected: str) -> None:
    file = BytesIO(TEXT.encode(codec))
    assert encoding_of(file).codec == detected
    assert file.tell() == 0


def test_a_character_that_two_chunks_share_is_still_utf_8(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoding, "CHUNK", 1)
    assert encoding_of(BytesIO("é".encode())).codec == "utf-8"


def test_a_truncated_last_character_is_one_bad_character_and_no_other_encoding() -> None:
    assert encoding_of(BytesIO("Málaga é".encode()[:-1])).codec == "utf-8"


def test_a_few_stray_zeros_are_not_utf_16() -> None:
    assert encoding_of(BytesIO(b"a,b\n\0,2\n" * 50)).codec == "utf-8"


def test_codecs_have_the_names_that_people_use() -> None:
    assert [encoding_name(codec) for codec in ("utf-8-sig", "cp1252", "utf-16")] == ["UTF-8", "Windows-1252", "UTF-16"]
