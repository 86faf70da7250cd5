"""How an output file can be shown on a page: by its media type and its size. Pure."""

from webapp.jobs.model import shown_results
from webapp.jobs.store.attachments import Attachment

HEAD = 512 * 1024  # bytes of a file that a page reads
PAGE_TYPE = "text/html"
PDF_TYPE = "application/pdf"
IMAGE_TYPES = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp", "image/svg+xml"})
INLINE_TYPES = IMAGE_TYPES | {PAGE_TYPE, PDF_TYPE}  # what the browser shows itself, from the address of the file
_IMAGE_LIMIT = 10_000_000
_KINDS = {
    shown_results.CHART_TYPE: "chart",
    shown_results.LINK_TYPE: "link",
    "application/json": "json",
    PAGE_TYPE: "page",
    PDF_TYPE: "pdf",
    "text/csv": "table",
    "text/tab-separated-values": "table",
    "text/markdown": "markdown",
    "text/plain": "text",
}
_WHOLE = {"chart", "link", "json", "markdown"}  # a part of it cannot be shown


def base_type(media_type: str) -> str:
    """Return a media type without its parameters."""
    return media_type.partition(";")[0].strip().lower()


def kind_of(file: Attachment) -> str:
    """Return how a file can be shown; empty if it can only be downloaded. An upload is never shown."""
    media_type = base_type(file.media_type)
    kind = "image" if media_type in IMAGE_TYPES else _KINDS.get(media_type, "")
    too_large = (kind in _WHOLE and file.size > HEAD) or (kind == "image" and file.size > _IMAGE_LIMIT)
    return "" if file.role != "output" or not file.size or too_large else kind


def is_inline(file: Attachment) -> bool:
    """Return whether the browser can show the file from its own address."""
    return file.role == "output" and base_type(file.media_type) in INLINE_TYPES


def is_deliberate(file: Attachment) -> bool:
    """Return whether the handler wanted to show the file itself, with `job.show_table` and so on."""
    return file.media_type in {
        shown_results.TABLE_TYPE,
        shown_results.MARKDOWN_TYPE,
        shown_results.CHART_TYPE,
        shown_results.LINK_TYPE,
    }
