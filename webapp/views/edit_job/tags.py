"""The tags of a job: GET asks for them, POST replaces them."""

from uuid import UUID

from flask import Blueprint, redirect, request, url_for
from flask.typing import ResponseReturnValue

from webapp.jobs.model.tags import MOST_TAGS, InvalidTags, split_tags
from webapp.views.job import actions
from webapp.views.page.confirmation import Confirmation, render_confirmation
from webapp.views.text.stored_messages import translated
from webapp.views.text.translations import gettext as _

bp = Blueprint("tags", __name__)


@bp.get("/jobs/<uuid:job_id>/tags")
def ask(job_id: UUID) -> ResponseReturnValue:
    """Show the tags in a form."""
    return _form(job_id, ", ".join(actions.act_on(job_id, "tags").tags))


@bp.post("/jobs/<uuid:job_id>/tags")
def change(job_id: UUID) -> ResponseReturnValue:
    """Replace the tags; show the form again with a sentence if they cannot be stored."""
    typed = request.form.get("tags", "")
    actions.act_on(job_id, "tags")
    try:
        actions.set_tags(job_id, split_tags(typed))
    except InvalidTags as error:
        return _form(job_id, typed, translated(str(error))), 422
    return redirect(url_for("jobs.show", job_id=job_id), 303)


def _form(job_id: UUID, typed: str, error: str = "") -> str:
    confirmation = Confirmation(
        title=_("Tags of this job"),
        effect="",
        action=_("Save tags"),
        keep=_("Back"),
        post=url_for("tags.change", job_id=job_id),
        back=url_for("jobs.show", job_id=job_id),
        harmful=False,
    )
    return render_confirmation(confirmation, "edit_job/tags.html", typed=typed, error=error, most=MOST_TAGS)
