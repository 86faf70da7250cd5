import pytest

from webapp.jobs.budgets.budget import InvalidBudget, MonthlyBudget, Usage


@pytest.mark.parametrize(
    ("typed", "wrong"),
    [
        ({"jobs": "0"}, {"jobs"}),
        ({"jobs": "-3"}, {"jobs"}),
        ({"jobs": "2.5"}, {"jobs"}),
        ({"jobs": "many", "cpu_seconds": "0"}, {"jobs", "cpu_seconds"}),
        ({"memory_gb_hours": "inf"}, {"memory_gb_hours"}),
        ({"memory_gb_hours": "nan"}, {"memory_gb_hours"}),
        ({"cpu_seconds": "1e12"}, {"cpu_seconds"}),
    ],
)
def test_a_limit_that_is_no_number_above_zero_has_one_sentence(typed: dict[str, str], wrong: set[str]) -> None:
    with pytest.raises(InvalidBudget, match="above 0 and at most 1,000,000,000, or empty for none") as refused:
        MonthlyBudget.typed(typed)
    assert refused.value.errors.keys() == wrong


def test_an_empty_field_is_unlimited_and_a_comma_is_read() -> None:
    assert MonthlyBudget.typed({"jobs": " 500 ", "memory_gb_hours": "2,5"}) == MonthlyBudget(
        jobs=500, memory_gb_hours=2.5
    )


def test_a_limit_is_used_up_when_it_is_reached() -> None:
    usage = Usage(jobs=5, cpu_seconds=59.9, memory_gb_hours=7)
    assert usage.used_up(MonthlyBudget(jobs=5, cpu_seconds=60)) == ("jobs",)
    assert usage.used_up(MonthlyBudget()) == ()
