from io import BytesIO
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, Field

import webapp.jobtypes.bulk_action.payload as payload_module
from webapp.jobtypes import maintenance
from webapp.views.text.job_type_extractor import extract, of_payload


class Letters(BaseModel):
    colour: str = Field(title="Colour", json_schema_extra={"labels": {"r": "Red", "b": "Blue"}})
    size: Literal["small", "very_large", 7] | None = None
    plain: int = 0
    note: str = Field(default="", description="Printed below.")


def extracted(path: str) -> list[str]:
    file = BytesIO()
    file.name = path  # type: ignore[attr-defined]
    return [text for _, _, text, _ in extract(file, (), (), {})]


def test_a_payload_has_the_texts_of_its_form() -> None:
    assert [text for text in of_payload(Letters) if text] == [
        "Colour",
        "Red",
        "Blue",
        "Small",
        "Very large",
        "Printed below.",
    ]


def test_a_module_has_the_texts_of_its_job_types_and_payloads_once() -> None:
    texts = extracted(str(Path(maintenance.__file__)))
    assert {"Maintenance", "Dry run"} <= set(texts)
    assert len(texts) == len(set(texts))
    assert "" not in texts


def test_texts_of_imported_payloads_are_left_to_their_own_module() -> None:
    package, module = Path(payload_module.__file__).parent / "__init__.py", Path(payload_module.__file__)
    assert "Exact status" not in extracted(str(package))
    assert "Exact status" in extracted(str(module))
