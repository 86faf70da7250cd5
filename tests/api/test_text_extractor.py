from io import BytesIO

import webapp.api.resources.jobs as module
from webapp.api.text_extractor import extract


def test_operations_parameters_and_members_have_their_texts_once() -> None:
    file = BytesIO()
    file.name = str(module.__file__)  # type: ignore[attr-defined]
    texts = [text for _, _, text, _ in extract(file, (), (), {})]
    assert {"Start a job.", "Child jobs too.", "It continues from its checkpoint, as its next attempt."} <= set(texts)
    assert len(texts) == len(set(texts))
