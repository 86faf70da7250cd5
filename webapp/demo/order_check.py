"""A job type that asks people while it runs, for the demonstration: it checks orders that are not there."""

from datetime import timedelta
from typing import Literal

from pydantic import BaseModel, Field

from webapp.jobs import JobContext, job_type


class OrderCheck(BaseModel):
    """Which orders are checked."""

    month: str = Field(title="Month", pattern=r"^\d{4}-\d\d$", examples=["2026-11"])
    to_operators: bool = Field(default=False, title="Ask operators instead of me")


class RowsWithoutCustomer(BaseModel):
    """The answer to the question."""

    action: Literal["assign", "leave out"] = Field(
        title="These rows",
        json_schema_extra={"labels": {"assign": "Assign them to one customer", "leave out": "Leave them out"}},
    )
    customer: str = Field(default="", title="Customer", max_length=80, description="If they are assigned to one.")


@job_type(
    "order_check",
    title=lambda payload: f"Orders of {payload.month}",
    description="Checks orders, in the demonstration only, and asks what to do with rows without a customer.",
    group="Examples",
)
def order_check(job: JobContext, payload: OrderCheck) -> None:
    """Find rows without a customer, and ask."""
    rows = job.step("Read the orders", _read_orders, payload.month)
    job.progress(60, message="11,640 rows were read.")
    answer = job.ask(
        RowsWithoutCustomer,
        "23 of 11,640 rows have no customer. What should happen to them?",
        to="operator" if payload.to_operators else None,
        until=timedelta(days=3),
        default=RowsWithoutCustomer(action="leave out"),
    )
    kept = rows["rows"] if answer.action == "assign" else rows["rows"] - rows["without_customer"]
    job.attach("orders.txt", f"{payload.month}: {kept} orders\n")


def _read_orders(_month: str) -> dict[str, int]:
    return {"rows": 11_640, "without_customer": 23}
