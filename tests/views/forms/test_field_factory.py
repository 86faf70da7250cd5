from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any, Literal

import pytest
from pydantic import BaseModel, EmailStr, Field, HttpUrl, SecretStr, create_model

from webapp.jobs.definition.field_specs import Upload
from webapp.views.forms.payload_form import PayloadForm


def shown(annotation: Any, default: Any = ...) -> str:
    payload_class: type[BaseModel] = create_model("Payload", field=(annotation, default))
    return str(PayloadForm(payload_class)["field"]())


class Size(Enum):
    BIG = 1
    VERY_BIG = 2


class Speed(Enum):
    SLOW = "slow"

    @property
    def label(self) -> str:
        return "Takes its time"


@pytest.mark.parametrize(
    ("annotation", "default", "kind"),
    [
        (str, ..., 'type="text"'),
        (int, ..., 'type="number"'),
        (float, ..., 'type="number"'),
        (Decimal, ..., 'type="number"'),
        (date, ..., 'type="date"'),
        (datetime, ..., 'type="datetime-local"'),
        (timedelta, ..., 'type="text"'),
        (bool, ..., 'type="checkbox"'),
        (bool | None, None, 'type="radio"'),
        (EmailStr, ..., 'type="email"'),
        (HttpUrl, ..., 'type="url"'),
        (SecretStr, ..., 'type="password"'),
        (Upload, ..., 'type="file"'),
        (Literal["a", "b", "c", "d"], ..., 'type="radio"'),
        (Literal["a", "b", "c", "d", "e"], ..., "<select"),
        (list[Literal["a", "b"]], ..., 'type="checkbox"'),
        (list[str], ..., "<textarea"),
        (dict[str, int], ..., "<textarea"),
        (int | str, ..., "<textarea"),
        (list[datetime], ..., "<textarea"),
        (Any, ..., "<textarea"),
    ],
)
def test_each_type_has_its_form_field(annotation: Any, default: Any, kind: str) -> None:
    assert kind in shown(annotation, default)


def test_a_long_text_gets_several_lines() -> None:
    assert "<textarea" in shown(str, Field(json_schema_extra={"multiline": True}))
    assert "<textarea" in shown(str, Field(max_length=5000))
    assert "<textarea" in shown(str, "two\nlines")


def test_bounds_reach_the_browser() -> None:
    assert 'max="9" min="1"' in shown(int, Field(gt=0, lt=10))
    assert 'min="5"' in shown(int, Field(ge=1, multiple_of=5))
    assert 'step="5"' in shown(int, Field(ge=1, multiple_of=5))
    assert 'step="0.01"' in shown(Decimal, Field(decimal_places=2, ge=0))
    assert 'min="2020-01-01"' in shown(date, Field(ge=date(2020, 1, 1)))
    assert 'maxlength="80"' in shown(str, Field(max_length=80))


def test_without_a_lower_bound_there_are_no_steps_to_count_from_a_wrong_value() -> None:
    assert 'step="1"' in shown(int, Field(multiple_of=5))


def test_a_field_that_can_be_empty_is_not_required() -> None:
    assert "required" in shown(str)
    assert "required" in shown(int, 3)
    assert "required" not in shown(str, "")
    assert "required" not in shown(int | None, None)
    assert "required" not in shown(list[str], [])
    assert "required" in shown(list[str], Field(min_length=1))


def test_examples_are_placeholders() -> None:
    assert 'placeholder="e.g. Sales in May"' in shown(str, Field(examples=["Sales in May"]))


def test_a_secret_is_never_shown() -> None:
    assert "hush" not in shown(SecretStr, SecretStr("hush"))
    assert "*" not in shown(SecretStr, SecretStr("hush"))


def test_options_are_labelled_by_the_author_else_by_their_names() -> None:
    assert " CSV</label>" in shown(Literal["csv"])
    assert " Very big</label>" in shown(Size)
    assert " Takes its time</label>" in shown(Speed)
    assert " Comma-separated</label>" in shown(
        Literal["csv"], Field(json_schema_extra={"labels": {"csv": "Comma-separated"}})
    )


def test_options_with_the_same_text_get_different_tokens() -> None:
    html = shown(Literal["1", 1])
    assert 'value="&#34;1&#34;"' in html
    assert 'value="1"' in html


def test_a_default_is_chosen() -> None:
    assert 'checked id="field-field-1"' in shown(Size, Size.VERY_BIG)
    assert "checked" not in shown(Size)


def test_times_are_shown_in_the_zone_of_the_form() -> None:
    assert 'value="2026-11-22T10:00"' in shown(datetime, datetime(2026, 11, 22, 10, tzinfo=UTC))


def test_a_value_of_another_shape_leaves_the_field_empty() -> None:
    payload_class = create_model("Payload", moment=(datetime, ...), tags=(list[str], ...), span=(timedelta, ...))
    form = PayloadForm(payload_class, initial={"moment": [1], "tags": 5, "span": "soon"})
    assert [field.data for field in form] == ["", "", ""]


def test_a_field_may_have_any_name() -> None:
    payload_class = create_model("Payload", data=(int, 1), errors=(int, 2), process=(int, 3), meta=(int, 4))
    form = PayloadForm(payload_class)
    assert [field.data for field in form] == ["1", "2", "3", "4"]
