"""The file store that the settings name. The code for an object storage is imported only if one is configured."""

from pathlib import Path

from webapp.config import Settings
from webapp.jobs.files.disk_files import DiskFiles
from webapp.jobs.store.file_store import FileStore


def configured_files(settings: Settings) -> FileStore:
    """Return the files of an installation: in one place, or in two while they are moved."""
    new = files_at(settings, settings.storage_url)
    if not settings.storage_url_old:
        return new
    from webapp.jobs.files.two_places import FilesInTwoPlaces  # noqa: PLC0415

    return FilesInTwoPlaces(new, files_at(settings, settings.storage_url_old))


def files_at(settings: Settings, url: str) -> FileStore:
    """Return the files in a folder or a bucket; with an empty ``url``, those in the data folder."""
    if not settings.is_bucket(url):
        return DiskFiles(Path(url) if url else settings.data_dir / "attachments")
    from webapp.jobs.files.s3_client import S3Client  # noqa: PLC0415
    from webapp.jobs.files.s3_files import S3Files  # noqa: PLC0415

    return S3Files(S3Client(settings.bucket(url)))
