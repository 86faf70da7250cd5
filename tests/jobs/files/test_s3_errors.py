import pytest

from webapp.jobs.files.s3_errors import storage_error
from webapp.jobs.store.file_store import StorageUnavailable

_OTHER_REGION = "The bucket b of the file storage is in another region."
_OTHER_CLOCK = "The clock of this machine differs too much from that of the file storage."


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        ("301 Moved Permanently: <Code>PermanentRedirect</Code>", _OTHER_REGION),
        ("400 Bad Request: <Code>AuthorizationHeaderMalformed</Code>", _OTHER_REGION),
        ("403 Forbidden: <Code>RequestTimeTooSkewed</Code>", _OTHER_CLOCK),
        ("400 Bad Request: <Code>BadDigest</Code>", "A file arrived damaged at the file storage. Nothing was saved."),
        ("507 x: <Code>XMinioStorageFull</Code>", "The file storage is full. Nothing was saved."),
        ("500 Internal Server Error: x", "The file storage reports an error: 500 Internal Server Error."),
    ],
)
def test_an_answer_that_the_server_of_the_tests_never_gives_has_its_sentence(answer: str, sentence: str) -> None:
    error = storage_error(RuntimeError(f"Server returned non-2xx status code: {answer}"), "b")
    assert isinstance(error, StorageUnavailable)
    assert str(error) == sentence


def test_an_unknown_error_is_cut_after_its_first_line() -> None:
    error = storage_error(RuntimeError("Something odd.\n\nDebug source: Generic {"), "b")
    assert str(error) == "The file storage reports an error: Something odd."


def test_a_missing_object_is_a_missing_file_and_a_missing_bucket_is_not() -> None:
    assert isinstance(storage_error(FileNotFoundError("NoSuchKey"), "b"), FileNotFoundError)
    assert isinstance(storage_error(FileNotFoundError("NoSuchBucket"), "b"), StorageUnavailable)
