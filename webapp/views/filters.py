"""Which jobs a list shows, as its address says it. Pure; what makes no sense is left out."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Self
from uuid import UUID

from webapp.jobs.queries import TABS


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """A tab, a job type (empty = all), and the job that the page starts after."""

    tab: str = "all"
    type_name: str = ""
    before: UUID | None = None

    @classmethod
    def of(cls, arguments: Mapping[str, str]) -> Self:
        """Read it from the arguments of an address."""
        tab = arguments.get("tab", "all")
        return cls(
            tab=tab if tab in TABS else "all",
            type_name=arguments.get("type", "")[:80],
            before=_uuid(arguments.get("before", "")),
        )

    @property
    def is_first_page(self) -> bool:
        """The newest jobs are on it."""
        return self.before is None

    @property
    def is_empty(self) -> bool:
        """Nothing is filtered out."""
        return self.tab == "all" and not self.type_name

    def in_tab(self, tab: str) -> "Filter":
        """Return the first page of another tab."""
        return replace(self, tab=tab, before=None)

    def after(self, job_id: UUID) -> "Filter":
        """Return the page of older jobs."""
        return replace(self, before=job_id)

    def arguments(self) -> dict[str, str]:
        """Return what `of` reads back; what is not set is left out."""
        given = {
            "tab": self.tab if self.tab != "all" else "",
            "type": self.type_name,
            "before": str(self.before or ""),
        }
        return {name: value for name, value in given.items() if value}


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
