"""Bounds of numbers and dates, as attributes for the browser."""

import math
from collections.abc import Mapping
from typing import Any


def steps(schema: Mapping[str, Any]) -> dict[str, Any]:
    """A browser counts its steps from ``min``: no steps without it, and it has to be a step itself."""
    whole = schema["type"] == "integer"
    inside = 1 if whole else 0  # the first whole number beyond an exclusive bound
    low, high = _bound(schema, "inimum", inside), _bound(schema, "aximum", -inside)
    step = schema.get("multipleOf") or schema.get("step")
    if low is None or not step:
        step = 1 if whole else "any"
    elif whole:
        low = math.ceil(low / step) * step
    found = {"min": low, "max": high, "step": step, "inputmode": "numeric" if whole else "decimal"}
    return {name: value for name, value in found.items() if value is not None}


def _bound(schema: Mapping[str, Any], ending: str, inside: int) -> Any:
    exclusive = f"exclusiveM{ending}"
    return schema[exclusive] + inside if exclusive in schema else schema.get(f"m{ending}")


def edges(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return the first and the last day that is taken."""
    return {name: schema[name] for name in ("min", "max") if name in schema}
