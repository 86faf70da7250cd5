"""The steps of a job, and how to run it again from one of them."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from flask import Blueprint, abort, redirect, request, url_for
from flask.typing import ResponseReturnValue

from webapp.jobs.model.job import BadRequest, Job
from webapp.jobs.store.step_rows import FROM_OTHER_JOB, Step
from webapp.views.job import actions, available_actions
from webapp.views.page.confirmation import Confirmation, render_confirmation
from webapp.views.page.request import services
from webapp.views.page.viewer_context import ViewerContext, viewer_context
from webapp.views.text.date_format import FormattedTime, duration
from webapp.views.text.stored_messages import translated
from webapp.views.text.translations import gettext as _
from webapp.views.text.translations import ngettext

bp = Blueprint("steps", __name__)
_SHOWN = 4000  # characters of a result


@dataclass(frozen=True, slots=True, kw_only=True)
class StepRow:
    """A step as the page of its job shows it; ``kept`` if another job ran it, ``cut`` if the result is longer."""

    name: str
    ended_at: FormattedTime
    duration: str
    kept: bool
    result: str
    cut: bool


def step_rows(steps: Sequence[Step], context: ViewerContext) -> tuple[StepRow, ...]:
    """Describe the steps of a job."""
    return tuple(_row(step, context) for step in steps)


def _row(step: Step, context: ViewerContext) -> StepRow:
    text = "" if step.result is None else json.dumps(step.result, ensure_ascii=False, indent=2)
    return StepRow(
        name=step.name,
        ended_at=context.time(step.finished_at),
        duration=duration(step.period),
        kept=step.attempt == FROM_OTHER_JOB,
        result=text[:_SHOWN],
        cut=len(text) > _SHOWN,
    )


def can_run_from_step(job: Job, context: ViewerContext) -> bool:
    """Return whether the viewer can run an ended job again from one of its steps."""
    return job.is_finished and not available_actions.refusal("run-again", job, services().registry, context)


@bp.get("/jobs/<uuid:job_id>/run-from-step")
def ask(job_id: UUID) -> ResponseReturnValue:
    """Show the confirmation."""
    context = viewer_context()
    job = services().queries.jobs.get_visible(context.viewer, job_id)
    if not context.may_open(job):
        abort(404)
    name = request.args.get("step", "")
    names = [step.name for step in services().queries.steps.of(job.id)]
    refusal = available_actions.refusal("run-again", job, services().registry, context)
    if name not in names:
        refusal = refusal or _("This job has no such step.")
    return render_confirmation(
        Confirmation(
            title=_("Run this job again from the step “%(step)s”?", step=name),
            effect=_effect(names.index(name)) if name in names else "",
            action=_("Run again"),
            keep=_("Back"),
            post=url_for("steps.run", job_id=job.id),
            back=url_for("jobs.show", job_id=job.id),
            fields=(("step", name),),
            harmful=False,
            refusal=refusal,
        )
    )


@bp.post("/jobs/<uuid:job_id>/run-from-step")
def run(job_id: UUID) -> ResponseReturnValue:
    """Start the new job."""
    try:
        new = actions.run_again(job_id, from_step=request.form.get("step", ""))
    except BadRequest as error:
        abort(422, translated(str(error)))
    return redirect(url_for("jobs.show", job_id=new.id), 303)


def _effect(kept: int) -> str:
    if not kept:
        return _("A new job starts with the same input. It runs all steps again.")
    return ngettext(
        "A new job starts with the same input. It keeps the result of the first step and runs the others again.",
        "A new job starts with the same input. It keeps the results of the first %(num)s steps and runs the others "
        "again.",
        kept,
    )
