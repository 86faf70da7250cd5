import pytest

from webapp.jobtypes.tables.sizes import counted, listed, size_in_words


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 bytes"),
        (999, "999 bytes"),
        (1_000, "1 kB"),
        (20_400, "20.4 kB"),
        (999_600, "999.6 kB"),
        (2.1e9, "2.1 GB"),
    ],
)
def test_a_size_has_the_largest_unit_above_one(size: int, text: str) -> None:
    assert size_in_words(int(size)) == text


def test_one_thing_is_singular() -> None:
    assert [counted(number, "row") for number in (1, 2, 1_000)] == ["1 row", "2 rows", "1,000 rows"]


def test_a_list_of_very_many_names_is_cut() -> None:
    assert listed(["a", "b"]) == "a, b"
    assert listed(["a"] * 100_000).endswith(", a, …")
