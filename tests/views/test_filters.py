from uuid import uuid4

import pytest

from webapp.views.filters import Filter


def test_a_filter_survives_its_address() -> None:
    chosen = Filter(tab="failed", type_name="report", before=uuid4())
    assert Filter.of(chosen.arguments()) == chosen


def test_the_plain_list_has_a_plain_address() -> None:
    assert Filter().arguments() == {}


@pytest.mark.parametrize("arguments", [{"tab": "nonsense"}, {"before": "x"}, {"tab": "", "type": ""}, {"page": "7"}])
def test_what_makes_no_sense_is_left_out(arguments: dict[str, str]) -> None:
    assert Filter.of(arguments) == Filter()


def test_another_tab_begins_at_its_newest_job() -> None:
    chosen = Filter(type_name="report").after(uuid4()).in_tab("done")
    assert chosen == Filter(tab="done", type_name="report")
