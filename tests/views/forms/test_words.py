import pytest

from webapp.views.forms.words import humanised, one_of, size


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("full_text", "Full text"),
        ("csv", "CSV"),
        ("api_key", "API key"),
        ("Q4 report", "Q4 report"),
        ("", ""),
        ("_", "_"),
    ],
)
def test_names_read_as_words(name: str, text: str) -> None:
    assert humanised(name) == text


def test_alternatives_are_enumerated() -> None:
    assert [one_of([]), one_of(["a"]), one_of(["a", "b"]), one_of(["a", "b", "c"])] == ["", "a", "a or b", "a, b or c"]


def test_sizes_read_as_files_do() -> None:
    assert [size(1), size(205_000), size(2 * 1024**3)] == ["1 byte", "205 kB", "2.1 GB"]
