import pytest

from webapp.jobs.definition.readable_names import humanize


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
    assert humanize(name) == text
