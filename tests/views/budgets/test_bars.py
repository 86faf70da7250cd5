import pytest
from flask import Flask

from webapp.jobs.budgets.budget import MonthlyBudget, Usage
from webapp.views.budgets.bars import budget_bars, limits_text


@pytest.mark.usefixtures("services")
def test_bars_say_what_was_used_of_which_limit(app: Flask) -> None:
    with app.test_request_context():
        usage = Usage(jobs=12, cpu_seconds=1234.5, memory_gb_hours=9)
        bars = budget_bars(MonthlyBudget(jobs=48, memory_gb_hours=6), usage)
        assert [bar.text for bar in bars] == ["12 of 48", "1,234.50", "9 of 6"]
        assert [bar.percent for bar in bars] == [25, None, 100]
        assert [bar.is_used_up for bar in bars] == [False, False, True]
        assert limits_text(MonthlyBudget(jobs=48, cpu_seconds=0.5)) == "Jobs: 48 · Processor time in seconds: 0.50"
        assert limits_text(MonthlyBudget()) == "unlimited"
