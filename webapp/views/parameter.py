"""One parameter of a job in full: what is too long for its page."""

from uuid import UUID

from flask import Blueprint, abort
from flask.typing import ResponseReturnValue

from webapp.views.current import services
from webapp.views.job import given
from webapp.views.plain import plain
from webapp.views.reader import reader
from webapp.views.viewer import viewer

bp = Blueprint("parameters", __name__)


@bp.get("/jobs/<uuid:job_id>/parameters/<name>")
def whole(job_id: UUID, name: str) -> ResponseReturnValue:
    """Send its text; secrets stay hidden here, too."""
    job = services().jobs.visible(viewer(), job_id)
    wanted = next((parameter for parameter in given(job, reader()) if parameter.name == name), None)
    return plain(wanted.text) if wanted else abort(404)
