"""What fills a form of a job type by one click: presets, and the values of the last time. Favourites are here too."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from flask import Blueprint, abort, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue

from webapp.accounts import preferences
from webapp.accounts.bookmarks.form_presets import FormPreset, PresetNotFound
from webapp.accounts.bookmarks.shared_names import BadName
from webapp.jobs.definition.job_type import JobType
from webapp.jobs.model.job import Job
from webapp.views.forms.preset_values import preset_values
from webapp.views.job.parameters import without_secrets
from webapp.views.page.request import job_policy, services, signed_in
from webapp.views.page.viewer_context import viewer_context
from webapp.views.text.date_format import FormattedTime
from webapp.views.text.stored_messages import translated
from webapp.views.text.translations import gettext as _

bp = Blueprint("presets", __name__)
SAVE, NAME, SHARED = "job.save_preset", "job.preset_name", "job.preset_shared"  # fields of the form


@dataclass(frozen=True, slots=True, kw_only=True)
class FilledIn:
    """What a form offers to fill in, and what it shows.

    ``current`` is what fills the form, "last" or the id of a preset; ``shown`` says so in a sentence.
    """

    presets: tuple[FormPreset, ...] = ()
    last: Job | None = None
    last_at: FormattedTime | None = None
    values: Mapping[str, Any] | None = None
    current: str = ""
    shown: str = ""


def filled_in(job_type: JobType) -> FilledIn:
    """Return what the form of a type offers, with the values that its address asks for."""
    presets = services().form_presets.visible_to(signed_in(), job_type.name)
    last = _last_job(job_type)
    last_at = viewer_context().when(last.created_at) if last and last.created_at else None
    offer: dict[str, Any] = {"presets": presets, "last": last, "last_at": last_at}
    if last and request.args.get("values") == "last":
        values = preset_values(job_type.payload_class, without_secrets(last.payload))
        return FilledIn(**offer, values=values, current="last", shown=_("The form shows the values of last time."))
    wanted = request.args.get("preset", "")
    for preset in presets:
        if str(preset.id) == wanted:
            shown = _("The form shows the values of the preset “%(name)s”.", name=preset.name)
            return FilledIn(**offer, values=preset.values, current=wanted, shown=shown)
    return FilledIn(**offer)


def save_preset(job_type: JobType, values: Mapping[str, Any], name: str, *, shared: bool) -> FormPreset:
    """Save values of a form for the signed-in user, without secrets and files; raises `BadName`."""
    kept = preset_values(job_type.payload_class, values)
    return services().form_presets.save(signed_in(), job_type.name, name, kept, shared=shared)


def unsavable(job_type: JobType, values: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the names of those values that no preset of a job type holds."""
    kept = preset_values(job_type.payload_class, values)
    return tuple(name for name, value in values.items() if kept.get(name, ...) != value)


def save_typed(job_type: JobType, values: Mapping[str, Any]) -> str:
    """Save the submitted values under the submitted name; return what to say if that is impossible, else nothing."""
    try:
        saved = save_preset(job_type, values, request.form.get(NAME, ""), shared=bool(request.form.get(SHARED)))
    except BadName as error:
        return translated(str(error))
    flash(_("The preset “%(name)s” was saved.", name=saved.name))
    return ""


@bp.post("/jobs/new/presets/<uuid:preset_id>/delete")
def delete(preset_id: UUID) -> ResponseReturnValue:
    """Delete a preset; it can be saved again from the form."""
    try:
        deleted = services().form_presets.delete(signed_in(), preset_id)
    except PresetNotFound:
        abort(404)
    flash(_("The preset “%(name)s” was deleted.", name=deleted.name))
    return redirect(url_for("start.form", type_name=deleted.type), 303)


@bp.post("/jobs/new/<type_name>/favourite")
def toggle_favourite(type_name: str) -> ResponseReturnValue:
    """Make a job type a favourite of the signed-in user, or no favourite any more."""
    registry = services().registry
    if type_name not in registry or not job_policy().may_start(type_name) or not registry.get(type_name).listed:
        abort(404)
    preferences.save_favourite_types(services().engine, signed_in().id, favourites() ^ {type_name})
    return redirect(url_for("start.catalogue"), 303)


def favourites() -> frozenset[str]:
    """Return the names of the user's favourite job types; types that were removed may be among them."""
    return frozenset(filter(None, signed_in().favourite_types.split(",")))


def _last_job(job_type: JobType) -> Job | None:
    """Return the job of this type that the user started last, if its values can be shown in the form."""
    return services().queries.jobs.last_of_type(signed_in().id, job_type.name)
