"""The page of the API: each operation of the OpenAPI document with lines to copy, filled with what this site has."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import quote
from uuid import UUID

from flask import Blueprint, Flask, Response, render_template
from flask.typing import ResponseReturnValue
from markupsafe import Markup, escape
from pydantic_core import to_json

from webapp.accounts.permissions import Right
from webapp.api import openapi
from webapp.api.blueprint import all_operations
from webapp.api.code_samples import IMPORTS, CodeSample, code_sample, example_of, upload_sample
from webapp.api.job_input import JobRequest
from webapp.api.operations import Operation
from webapp.jobs.definition.job_type import InvalidPayload, JobType
from webapp.jobs.definition.upload_rules import upload_rules
from webapp.views.page.permissions import may
from webapp.views.page.problem_details import API_ROOT
from webapp.views.page.public_path import absolute_url_of
from webapp.views.page.request import services, signed_in, viewer
from webapp.views.text.stored_messages import translated
from webapp.views.text.translations import lazy_gettext

bp = Blueprint("api_reference", __name__)
_ANY_TIME = timedelta(days=36_500)
_NO_ID = UUID(int=0)
_TAGS: Mapping[str, str] = {
    "jobs": lazy_gettext("Jobs"),
    "approvals": lazy_gettext("Approvals"),
    "flows": lazy_gettext("Flows"),
    "questions": lazy_gettext("Questions"),
    "files": lazy_gettext("Files"),
    "history": lazy_gettext("History"),
    "bulk": lazy_gettext("Bulk actions"),
    "filters": lazy_gettext("Saved filters"),
    "events": lazy_gettext("Events"),
    "types": lazy_gettext("Job types"),
    "schedules": lazy_gettext("Schedules"),
    "queues and workers": lazy_gettext("Queues and workers"),
    "errors": lazy_gettext("Errors"),
    "users": lazy_gettext("Users"),
    "groups": lazy_gettext("Groups"),
    "budgets": lazy_gettext("Budgets"),
    "tokens": lazy_gettext("API tokens"),
    "notifications": lazy_gettext("Notifications"),
    "webhooks": lazy_gettext("Webhooks"),
    "installation": lazy_gettext("Installation"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldRow:
    """A parameter, or a member of a body."""

    name: str
    kind: str
    required: bool
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationView:
    """An operation for display. ``paragraphs`` are those of its description."""

    name: str
    method: str
    path: str
    summary: str
    paragraphs: tuple[str, ...]
    scopes: tuple[str, ...]
    own_scope: str
    parameters: tuple[FieldRow, ...]
    members: tuple[FieldRow, ...]
    sample: CodeSample
    upload: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PayloadView:
    """A job type that can be started, with the members of its payload and its files."""

    name: str
    title: str
    members: tuple[FieldRow, ...]
    files: tuple[str, ...]


def register(app: Flask) -> None:
    """Add the API and its page to the application."""
    openapi.register(app)
    app.register_blueprint(bp)


@bp.get("/api")
def show() -> ResponseReturnValue:
    """Show the page."""
    page = _Page()
    return render_template(
        "api/reference.html",
        base=page.base,
        imports=IMPORTS,
        groups=page.groups(),
        payloads=[_payload_view(job_type, page.document) for job_type in page.types],
    )


@bp.get("/api/openapi.json")
def download() -> Response:
    """Send the document to a browser, for tools that read files."""
    response = Response(to_json(openapi.document(openapi.startable_types())), mimetype="application/json")
    response.headers.set("Content-Disposition", "attachment", filename="deskjob-openapi.json")
    return response


class _Page:
    """The document of the reader, and values that exist here."""

    def __init__(self) -> None:
        self.types = openapi.startable_types()
        self.document = openapi.document(self.types)
        self.components: Mapping[str, Any] = self.document["components"]["schemas"]
        self.base = absolute_url_of(API_ROOT)
        self._values = _values(self.types)
        self._start = next(filter(None, map(self._example, self.types)), None)
        self._start_with_file = next(filter(None, map(self._example_with_file, self.types)), None)

    def groups(self) -> dict[str, list[OperationView]]:
        """Return the operations that the reader can use, by tag."""
        found: dict[str, list[OperationView]] = {}
        for operation in all_operations():
            if operation.right is None or may(operation.right):
                found.setdefault(str(_TAGS[operation.tag]), []).append(self._view(operation))
        return found

    def _view(self, operation: Operation) -> OperationView:
        described = self.document["paths"][operation.template][operation.method.lower()]
        url, body = self.base + self._path(operation), self._body(operation, described)
        downloads = any(answer.media_type.endswith("octet-stream") for answer in operation.answers.values())
        return OperationView(
            name=operation.name,
            method=operation.method,
            path=operation.template,
            summary=translated(operation.sentence),
            paragraphs=tuple(map(translated, operation.paragraphs)),
            scopes=tuple(scope.value for scope in operation.scopes),
            own_scope=operation.own_scope.value if operation.own_scope else "",
            parameters=tuple(_parameter_rows(described)),
            members=tuple(_member_rows(self._schema(described), self.components)) if operation.body else (),
            sample=code_sample(operation.method, url, body, download=downloads),
            upload=self._upload(url) if operation.takes_files else "",
        )

    def _path(self, operation: Operation) -> str:
        tag = operation.template.split("/")[1]
        values = {
            name: self._values.get(f"{tag}.{name}", self._values.get(name, "x")) for name, _ in operation.path_arguments
        }
        return operation.template.format(**{name: quote(value, safe="") for name, value in values.items()})

    def _schema(self, described: Mapping[str, Any]) -> Mapping[str, Any]:
        schema: Mapping[str, Any] = described.get("requestBody", {}).get("content", {}).get("application/json", {})
        schema = schema.get("schema", {})
        while "$ref" in schema:
            schema = self.components[schema["$ref"].rpartition("/")[2]]
        general = self.components.get(JobRequest.__name__, {})
        return general if "oneOf" in schema else schema

    def _body(self, operation: Operation, described: Mapping[str, Any]) -> Any:
        if operation.body is None:
            return None
        if operation.body is JobRequest:
            return self._start
        schema = self._schema(described)
        example = example_of(schema, self.components)
        names = list(schema.get("properties", {}))[:2]
        return example or {name: example_of(schema["properties"][name], self.components) for name in names}

    def _example(self, job_type: JobType) -> Any:
        """Return a body that starts a job of a type as it is; None if it needs a file or a password."""
        return None if job_type.asks_password else self._valid(job_type)

    def _example_with_file(self, job_type: JobType) -> Any:
        fields = [name for name, rule in upload_rules(job_type.payload_class).items() if rule.max_files]
        return None if job_type.asks_password or not fields else (job_type.name, fields[0])

    def _valid(self, job_type: JobType) -> Any:
        schema = self.components[f"Payload-{job_type.name}"]
        payload = example_of({**schema, "default": None}, self.components)
        try:
            job_type.parse(payload, strict=True)
        except InvalidPayload:
            return None
        return {"type": job_type.name, **({"payload": payload} if payload else {})}

    def _upload(self, url: str) -> str:
        if self._start_with_file is None:
            return ""
        type_name, field = self._start_with_file
        return upload_sample(url, {"type": type_name}, field)


@bp.app_template_filter()
def code_marks(text: str) -> Markup:
    """Show what is between backticks as code."""
    parts = text.split("`")
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if at % 2 else escape(part) for at, part in enumerate(parts)
    )


def _values(types: tuple[JobType, ...]) -> dict[str, str]:
    """Return values for paths: what exists here, where the reader sees it."""
    sees = may(Right.SEE_INSTALLATION)
    queries = services().queries
    own = queries.jobs.find_mine_recent(viewer(), _ANY_TIME, 1, with_public=False)  # which every token can open
    job = next(iter(own or queries.lists.page(viewer(), limit=1)), None)
    files = services().jobs.attachments(job.id) if job else ()
    schedules = services().schedules.all() if sees else ()
    errors = services().metrics.errors.page(limit=1) if sees else ()
    workers = services().workers.in_database() if sees else ()
    tokens = services().tokens.page(signed_in().id, limit=1)
    rules = services().notification_rules.of_user(signed_in().id)
    deliveries = services().delivery_log.of_user(signed_in().id, limit=1)
    return {
        "job_id": str(job.id if job else _NO_ID),
        "file_id": str(files[-1].id if files else _NO_ID),
        "type_name": types[0].name if types else "type",
        "user_id": str(signed_in().id),
        "token_id": str(tokens[0].id if tokens else _NO_ID),
        "rule_id": str(rules[0].id if rules else _NO_ID),
        "delivery_id": str(deliveries[0].id if deliveries else _NO_ID),
        "schedule_id": str(schedules[0].id if schedules else _NO_ID),
        "fingerprint": errors[0].fingerprint if errors else "0123456789abcdef",
        "queues.name": "default",
        "workers.name": workers[0].name if workers else "worker",
    }


def _parameter_rows(described: Mapping[str, Any]) -> Iterator[FieldRow]:
    for parameter in described["parameters"]:
        if parameter["in"] != "path":
            yield FieldRow(
                name=parameter["name"],
                kind=_kind(parameter["schema"]),
                required=bool(parameter.get("required")),
                text=translated(parameter.get("description", "")),
            )


def _member_rows(schema: Mapping[str, Any], components: Mapping[str, Any]) -> Iterator[FieldRow]:
    required = schema.get("required", ())
    for name, member in schema.get("properties", {}).items():
        target = components.get(member.get("$ref", "").rpartition("/")[2], member)
        text = member.get("description") or member.get("title") or ""
        shown = text if text.casefold() != name.replace("_", " ").casefold() else ""
        yield FieldRow(name=name, kind=_kind(target), required=name in required, text=translated(shown))


def _kind(schema: Mapping[str, Any]) -> str:
    """Return the type of a value in a word or two."""
    if choices := schema.get("enum"):
        return " | ".join(str(choice) for choice in choices if choice != "")
    for name in ("anyOf", "oneOf"):
        kinds = [_kind(choice) for choice in schema.get(name, ()) if choice != {"type": "null"}]
        if kinds:
            return " | ".join(dict.fromkeys(kinds))
    return str(schema.get("format") or schema.get("const") or schema.get("type") or "object")


def _payload_view(job_type: JobType, document: Mapping[str, Any]) -> PayloadView:
    components = document["components"]["schemas"]
    payload = components[f"Payload-{job_type.name}"]
    return PayloadView(
        name=job_type.name,
        title=translated(job_type.title),
        members=tuple(_member_rows(payload, components)),
        files=tuple(upload_rules(job_type.payload_class)),
    )
