"""A job type that asks every kind of question."""

from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum, IntEnum
from typing import Annotated, Any, Literal

from pydantic import BaseModel, EmailStr, Field, HttpUrl, SecretStr

from webapp.jobs.definition.field_specs import Upload
from webapp.jobs.definition.job_type import job_type


class Depth(Enum):
    QUICK = "quick"
    FULL_TEXT = "full_text"


class Urgency(IntEnum):
    LOW = 1
    HIGH = 2


class Region(Enum):
    NORTH = "north"
    EAST = "east"
    SOUTH = "south"
    WEST = "west"
    OVERSEAS = "overseas"


class Column(BaseModel):
    name: str
    width: int = 10


class EveryKind(BaseModel):
    report_name: str = Field(description="It becomes the name of the file.", examples=["Sales in May"], max_length=80)
    remarks: str = Field("", json_schema_extra={"multiline": True})
    rows: Annotated[int, Field(ge=1, le=1000)] = 200
    multiple: int | None = Field(None, ge=3, multiple_of=5)
    ratio: float = Field(0.5, gt=0, lt=1)
    price: Decimal = Field(Decimal("1.50"), max_digits=6, decimal_places=2, ge=0)
    since: date
    until: date | None = None
    start_at: datetime | None = None
    daily_at: time = time(8, 30)
    patience: timedelta = timedelta(minutes=90)
    notify: bool = True
    quiet: bool | None = None
    depth: Depth = Depth.QUICK
    urgency: Urgency = Urgency.LOW
    region: Region
    format: Literal["csv", "xlsx"] = "csv"
    columns: list[Literal["name", "size", "date"]] = ["name"]
    tags: list[str] = []
    limits: list[int] = Field(default=[], max_length=3)
    email: EmailStr | None = None
    page: HttpUrl | None = Field(None, examples=["https://example.org/prices"])
    api_key: SecretStr | None = None
    mapping: dict[str, int] = {}
    layout: list[Column] = []
    anything: Any = None
    data: Upload = Field(description="One row per sale.", json_schema_extra={"accept": ".csv,.tsv"})
    logo: Upload | None = None


@job_type("every_kind", title="Ask everything", group="Samples")
def every_kind(job: Any, payload: EveryKind) -> None:
    """Ask every kind of question that a form knows."""


class Nothing(BaseModel):
    pass


@job_type("nothing", title="Ask nothing", group="Samples")
def nothing(job: Any, payload: Nothing) -> None:
    """Run at once."""


@job_type("clean_up", title="Clean up", group="Housekeeping", roles=("operator", "admin"))
def clean_up(job: Any, payload: Nothing) -> None:
    """Remove what is old."""


@job_type("hire", title="Hire people", group="Housekeeping", roles=("admin",))
def hire(job: Any, payload: Nothing) -> None:
    """Make accounts."""
