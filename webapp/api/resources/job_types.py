"""Job types: what can be started, with which payload."""

from typing import Any, Literal
from uuid import UUID

from flask import abort
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, JsonValue

from webapp.accounts.bookmarks.form_presets import FormPreset, PresetNotFound
from webapp.accounts.bookmarks.shared_names import BadName
from webapp.accounts.permissions import Right
from webapp.accounts.tokens import Scope
from webapp.api.lists import Page, page_reply
from webapp.api.operations import Answer, Operations, Reply
from webapp.api.problems import InvalidInput
from webapp.jobs.definition.job_type import JobType
from webapp.jobs.definition.upload_rules import upload_rules
from webapp.jobs.model.rate import CountedBy, Rate
from webapp.views.admin import job_types
from webapp.views.new_job import presets
from webapp.views.page.permissions import may
from webapp.views.page.request import job_policy, services, signed_in

operations = Operations("types")
TYPE = "/types/<type_name>"
REASON_LIMIT = 200


class UploadDocument(BaseModel):
    """A field of the payload that takes files."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(description="The name of the part in a multipart request.")
    kinds: list[str] = Field(description="Extensions and media types; empty for any.")
    max_bytes: int | None
    max_files: int
    is_list: bool


class RateDocument(BaseModel):
    """How many jobs can start within any period, counted by type, owner or key of the payload."""

    model_config = ConfigDict(extra="forbid")

    starts: int
    period: float = Field(description="Seconds.")
    by: CountedBy


class TypeDocument(BaseModel):
    """A job type."""

    model_config = ConfigDict(extra="forbid")

    name: str
    title: str
    description: str
    group: str
    queue: str
    priority: int
    max_attempts: int
    timeout: float = Field(description="Seconds.")
    max_per: RateDocument | None = Field(description="Its rate; null if it has none.")
    asks_password: bool = Field(description="It can be started from its page only.")
    approval: Literal["always", "sometimes"] | None = Field(
        description="Whether its jobs wait for approval, which can depend on their payload."
    )
    disabled: str | None = Field(description="The reason; null if it is not disabled.")
    disabled_by: UUID | None
    disabled_at: AwareDatetime | None
    uploads: list[UploadDocument]
    payload_schema: dict[str, JsonValue] = Field(description="The JSON Schema of its payload.")


class ReasonBody(BaseModel):
    """Why, if there is a reason. Other users will see it."""

    model_config = ConfigDict(extra="forbid")

    reason: str = Field(default="", max_length=REASON_LIMIT)


@operations.add(
    "GET",
    "/types",
    scope=Scope.READ,
    answers={200: Answer(model=Page[TypeDocument], description="The job types that the account can start.")},
)
def list_types() -> Any:
    """List the job types.

    Those that the account can start; all for accounts that see the installation.
    """
    disabled = services().disabled_types.all()
    return page_reply([_document(each, disabled) for each in services().registry if _is_visible(each)], following=None)


@operations.add("GET", TYPE, scope=Scope.READ, answers={200: Answer(model=TypeDocument, description="The job type.")})
def get_type(type_name: str) -> Any:
    """Get a job type."""
    return _document(_find(type_name), services().disabled_types.all())


class PresetDocument(BaseModel):
    """Values of a payload under a name, without secrets and files."""

    model_config = ConfigDict(extra="forbid")

    id: UUID
    name: str
    owner: str
    own: bool = Field(description="Whether it belongs to the account.")
    shared: bool
    values: dict[str, JsonValue]


class NewPreset(BaseModel):
    """A preset to save. One of the account with the same name is replaced."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(max_length=200)
    values: dict[str, JsonValue] = Field(description="Fields of the payload; secrets and files are refused.")
    shared: bool = Field(default=False, description="All users of the same tenant see it.")


@operations.add(
    "GET",
    f"{TYPE}/presets",
    scope=Scope.READ,
    answers={200: Answer(model=Page[PresetDocument], description="All of them, own ones first.")},
)
def list_presets(type_name: str) -> Any:
    """List the presets of a job type.

    Presets of the account and presets shared with it.
    """
    found = services().form_presets.visible_to(signed_in(), _find(type_name).name)
    return page_reply([_preset(each) for each in found], following=None)


@operations.add(
    "POST",
    f"{TYPE}/presets",
    scope=Scope.START,
    body=NewPreset,
    answers={201: Answer(model=PresetDocument, description="The preset.")},
)
def save_preset(type_name: str, body: NewPreset) -> Any:
    """Save values of the form of a job type under a name."""
    job_type = _find(type_name)
    if refused := presets.unsavable(job_type, body.values):
        detail = "No field of the payload, or a secret or a file, which presets do not hold."
        raise InvalidInput({"pointer": f"#/values/{refused[0]}", "detail": detail})
    try:
        saved = presets.save_preset(job_type, body.values, body.name, shared=body.shared)
    except BadName as error:
        abort(422, str(error))
    return Reply(document=_preset(saved), status=201)


@operations.add(
    "DELETE",
    "/presets/<uuid:preset_id>",
    scope=Scope.START,
    answers={204: Answer(description="It was deleted.")},
)
def delete_preset(preset_id: UUID) -> None:
    """Delete a preset of the account; admins can delete shared ones."""
    try:
        services().form_presets.delete(signed_in(), preset_id)
    except PresetNotFound:
        abort(404)


@operations.add(
    "POST",
    f"{TYPE}/disable",
    scope=Scope.ADMIN,
    right=Right.CHANGE_TYPES,
    body=ReasonBody,
    answers={200: Answer(model=TypeDocument, description="The job type after the change.")},
)
def disable_type(type_name: str, body: ReasonBody) -> Any:
    """Disable a job type.

    Waiting jobs keep waiting; running jobs continue.
    """
    job_types.disable_type(_find(type_name).name, body.reason)
    return get_type(type_name)


@operations.add(
    "POST",
    f"{TYPE}/enable",
    scope=Scope.ADMIN,
    right=Right.CHANGE_TYPES,
    answers={200: Answer(model=TypeDocument, description="The job type after the change.")},
)
def enable_type(type_name: str) -> Any:
    """Enable a disabled job type."""
    job_types.enable_type(_find(type_name).name)
    return get_type(type_name)


def _is_visible(job_type: JobType) -> bool:
    return may(Right.SEE_INSTALLATION) or (job_type.listed and job_policy().may_start(job_type.name))


def _find(name: str) -> JobType:
    registry = services().registry
    return registry.get(name) if name in registry and _is_visible(registry.get(name)) else abort(404)


def _preset(preset: FormPreset) -> dict[str, Any]:
    values = {"own": preset.owner_id == signed_in().id, "owner": preset.owner_name, "values": dict(preset.values)}
    return {"id": preset.id, "name": preset.name, "shared": preset.shared, **values}


def _document(job_type: JobType, disabled: Any) -> dict[str, Any]:
    names = ("name", "title", "description", "group", "queue", "priority", "asks_password")
    disabling = disabled.get(job_type.name)
    uploads = [
        {
            "name": name,
            "kinds": rule.kinds,
            "max_bytes": rule.max_bytes,
            "max_files": rule.max_files,
            "is_list": rule.is_list,
        }
        for name, rule in upload_rules(job_type.payload_class).items()
    ]
    return {
        **{name: getattr(job_type, name) for name in names},
        "max_attempts": job_type.retry.max_attempts,
        "timeout": job_type.timeout.total_seconds(),
        "approval": ("sometimes" if job_type.approval.when else "always") if job_type.approval else None,
        "max_per": _rate_document(job_type.limits.rate),
        "disabled": disabling.reason if disabling else None,
        "disabled_by": disabling.disabled_by if disabling else None,
        "disabled_at": disabling.disabled_at if disabling else None,
        "uploads": uploads,
        "payload_schema": job_type.payload_class.model_json_schema(),
    }


def _rate_document(rate: Rate | None) -> dict[str, Any] | None:
    if rate is None:
        return None
    return {"starts": rate.starts, "period": rate.period.total_seconds(), "by": rate.counted_by}
