"""Lists of the API: the items, and the address of the next page, also in the header ``Link`` (RFC 8288)."""

from collections.abc import Mapping, Sequence
from typing import Any, Generic, TypeVar
from urllib.parse import urlencode

from flask import request
from pydantic import BaseModel, ConfigDict, Field

from webapp.api.operations import Reply
from webapp.views.page.public_path import public_url_of

T = TypeVar("T")
MOST = 200
USUAL = 50
LINK = ("Link",)


class Page(BaseModel, Generic[T]):
    """A page of a list."""

    model_config = ConfigDict(extra="forbid")

    items: list[T]
    next: str | None = Field(description="The path of the next page, or null.")


class Query(BaseModel):
    """The parameters of a query; unknown ones are refused, because a mistyped filter would return everything."""

    model_config = ConfigDict(extra="forbid")


class LimitQuery(Query):
    """How many items a page has."""

    limit: int = Field(default=USUAL, ge=1, le=MOST, description="At most this many items.")


def page_reply(
    items: Sequence[Any], *, following: Mapping[str, object] | None, headers: Mapping[str, str] | None = None
) -> Reply:
    """Return a page; ``following`` are the parameters that the next page changes, None for the last one."""
    address = _address(following) if following else None
    link = {"Link": f'<{address}>; rel="next"'} if address else {}
    return Reply(document={"items": items, "next": address}, headers={**link, **(headers or {})})


def _address(changed: Mapping[str, object]) -> str:
    arguments = {**request.args.to_dict(), **{name: str(value) for name, value in changed.items()}}
    return public_url_of(f"{request.path}?{urlencode(arguments)}")
