"""The JSON body of a request, read strictly."""

from typing import Any

from flask import request

from webapp.strict_json import MOST_DEPTH, BadJson, parse_json

__all__ = ["MOST_DEPTH", "BadJson", "parse_json", "read_json"]


def read_json() -> Any:
    """Return the JSON body of the request; raise `BadJson`, or 413 if it is too large."""
    return parse_json(request.get_data())
