"""Errors of an object storage as sentences. Pure.

obstore passes on what the server answered as a text, so the codes of the S3 protocol are looked up in it.
"""

import re
from errno import ENOENT

from webapp.jobs.store.file_store import StorageUnavailable

_SENTENCES = (
    ("NoSuchBucket", "The bucket {bucket} of the file storage does not exist."),
    ("InvalidAccessKeyId", "The file storage does not know the access key."),
    ("SignatureDoesNotMatch", "The file storage rejects the secret key."),
    ("RequestTimeTooSkewed", "The clock of this machine differs too much from that of the file storage."),
    ("AuthorizationHeaderMalformed", "The bucket {bucket} of the file storage is in another region."),
    ("PermanentRedirect", "The bucket {bucket} of the file storage is in another region."),
    ("IllegalLocationConstraint", "The bucket {bucket} of the file storage is in another region."),
    ("QuotaExceeded", "The file storage is full. Nothing was saved."),
    ("InsufficientStorage", "The file storage is full. Nothing was saved."),
    ("StorageFull", "The file storage is full. Nothing was saved."),
    ("XAmzContentSHA256Mismatch", "A file arrived damaged at the file storage. Nothing was saved."),
    ("BadDigest", "A file arrived damaged at the file storage. Nothing was saved."),
    ("AccessDenied", "The file storage denies access to the bucket {bucket}."),
    ("403 Forbidden", "The file storage denies access to the bucket {bucket}."),
    ("301 Moved", "The bucket {bucket} of the file storage is in another region."),
    ("error sending request", "The file storage does not answer. No file is lost; try again later."),
    ("operation timed out", "The file storage does not answer. No file is lost; try again later."),
    ("HTTP error", "The connection to the file storage broke. No file is lost; try again later."),
    ("credential", "There are no access keys for the file storage."),
)
_ANSWER = re.compile(r"status code: (\d{3}(?: [A-Za-z]+)*)")
_REASON = 100  # characters


def storage_error(error: BaseException, bucket: str) -> OSError:
    """Return what an error of obstore means: ``FileNotFoundError`` for a missing object, otherwise a sentence."""
    text = str(error)
    if isinstance(error, FileNotFoundError) and "NoSuchBucket" not in text:
        return FileNotFoundError(ENOENT, "The object does not exist")
    for code, sentence in _SENTENCES:
        if code in text:
            return StorageUnavailable(sentence.format(bucket=bucket))
    answer = _ANSWER.search(text)
    reason = answer[1] if answer else text.strip().split("\n", 1)[0][:_REASON].rstrip(".")
    return StorageUnavailable(f"The file storage reports an error: {reason}.")
