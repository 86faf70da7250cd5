"""A job type that needs approval and has a rate, for the demonstration. It pays nothing."""

from datetime import date, timedelta

from pydantic import BaseModel, Field

from webapp.jobs import Approval, JobContext, Rate, job_type

APPROVED_FROM = 1000


class Payout(BaseModel):
    """What is paid to whom."""

    recipient: str = Field(title="Recipient", max_length=80, examples=["Northwind Traders"])
    amount: int = Field(title="Amount in EUR", gt=0, le=1_000_000, examples=[12400])
    due: date | None = Field(default=None, title="Pay on")


@job_type(
    "payout",
    title="Payout",
    description="Pays a supplier, in the demonstration only. Somebody else must approve 1,000 EUR or more.",
    group="Examples",
    approval=Approval(when=lambda payout: payout.amount >= APPROVED_FROM),
    max_per=Rate(1, timedelta(hours=1), by=lambda payout: payout.recipient),
)
def payout(job: JobContext, payload: Payout) -> None:
    """Write what would be paid."""
    job.message(f"{payload.amount:,} EUR")
    job.attach("payout.txt", f"{payload.recipient}: {payload.amount} EUR\n")
