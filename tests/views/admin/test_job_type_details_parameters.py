from typing import Any

import pytest
from pydantic import BaseModel, Field

from tests.views.forms.every_kind import every_kind
from webapp.jobs.definition.field_specs import Upload
from webapp.jobs.definition.job_type import job_type
from webapp.views.admin.job_type_details import ParameterRow, parameter_rows


class Address(BaseModel):
    street: str = Field(max_length=80)


class Order(BaseModel):
    secret: str = Field("hunter2", json_schema_extra={"format": "password"})
    code: str = Field(pattern="[A-Z]{3}", min_length=3)
    names: list[str] = Field(["ada", "bob"], min_length=1)
    pages: list[Upload] = Field([], max_length=4, json_schema_extra={"accept": ".png"})
    bill_to: Address | None = None
    scan: Upload = Field(json_schema_extra={"max_bytes": 5_000_000})


@job_type("order", title="Order")
def order(job: Any, payload: Order) -> None:
    """Order something."""


def row_named(name: str) -> ParameterRow:
    rows = (*parameter_rows(every_kind, 2_000_000_000), *parameter_rows(order, 1_000_000))
    return next(row for row in rows if row.name == name)


@pytest.mark.parametrize(
    ("name", "takes", "limits", "default"),
    [
        ("report_name", "text", "at most 80 characters", ""),
        ("remarks", "text", "", "empty"),
        ("rows", "whole number", "at least 1, at most 1,000", "200"),
        ("multiple", "whole number", "at least 3, in steps of 5", "empty"),
        ("ratio", "number", "more than 0, less than 1", "0.5"),
        ("price", "number", "at least 0, in steps of 0.01", "1.50"),
        ("since", "date", "", ""),
        ("notify", "yes or no", "", "yes"),
        ("region", "one option", "North, East, South, West or Overseas", ""),
        ("format", "one option", "CSV or XLSX", "CSV"),
        ("columns", "several options", "Name, Size or Date", "Name"),
        ("limits", "list", "at most 3 entries", "empty"),
        ("names", "list", "at least 1 entry", "ada, bob"),
        ("code", "text", "pattern [A-Z]{3}, at least 3 characters", ""),
        ("data", "file", ".csv or .tsv, at most 2 GB", ""),
        ("scan", "file", "at most 1 MB", ""),
        ("pages", "several files", ".png, at most 1 MB, at most 4 files, at most 1 MB in total", "empty"),
        ("bill_to.street", "text", "at most 80 characters", ""),
        ("anything", "any value", "", "empty"),
    ],
)
def test_a_parameter_shows_type_limits_and_default(name: str, takes: str, limits: str, default: str) -> None:
    row = row_named(name)
    assert (row.takes, row.limits, row.default) == (takes, limits, default)


def test_the_default_of_a_secret_is_never_shown() -> None:
    assert (row_named("secret").takes, row_named("secret").default) == ("secret", "")


def test_required_and_optional_parameters_are_distinguished() -> None:
    assert (row_named("report_name").required, row_named("report_name").title) == (True, "Report name")
    assert row_named("report_name").help == "It becomes the name of the file."
    assert not row_named("rows").required
    assert (row_named("bill_to.street").title, row_named("bill_to.street").required) == ("Bill to: Street", False)
