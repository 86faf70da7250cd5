"""The OpenAPI 3.1 document, from the same declarations that serve the requests.

The payload of each job type that the reader can start is a schema of its own: the body of "Start a job" is one of them,
told apart by its ``type``.
"""

import sys
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from flask import Flask, Response
from pydantic import BaseModel, TypeAdapter
from pydantic_core import to_json

from webapp.api.blueprint import all_operations, bp
from webapp.api.job_input import JOB_PART, JobRequest
from webapp.api.operations import Answer, Operation
from webapp.jobs.definition.field_specs import upload_specs
from webapp.jobs.definition.job_type import JobType
from webapp.jobs.definition.upload_rules import upload_rules
from webapp.version import version
from webapp.views.page.problem_details import API_ROOT, MEDIA_TYPE
from webapp.views.page.public_path import public_url_of
from webapp.views.page.request import job_policy, services

REF = "#/components/schemas/{model}"
_JSON = "application/json"
_FILE: Mapping[str, Any] = {"type": "string", "format": "binary"}  # OpenAPI 3.0 writes it so, and generators read it
_PROBLEM_RESPONSE = {"$ref": "#/components/responses/Problem"}
_KINDS: Mapping[str, Mapping[str, Any]] = {
    "uuid": {"type": "string", "format": "uuid"},
    "string": {"type": "string", "minLength": 1},
    "path": {"type": "string", "minLength": 1},
    "int": {"type": "integer"},
}
_HEADERS: Mapping[str, Mapping[str, Any]] = {
    "ETag": {
        "description": "Send it as `If-None-Match` to get 304 if nothing has changed.",
        "schema": {"type": "string"},
    },
    "Link": {"description": "The next page, with rel=next.", "schema": {"type": "string"}},
    "Location": {"description": "The path of what was created.", "schema": {"type": "string"}},
}
_PROBLEM: Mapping[str, Any] = {
    "type": "object",
    "description": "A problem document (RFC 9457). It never repeats what was sent.",
    "required": ["type", "title", "status"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "job_id": {"type": "string", "format": "uuid", "description": "The job that is in the way, if it is one."},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["detail"],
                "properties": {
                    "pointer": {"type": "string", "description": "A JSON pointer into the body."},
                    "parameter": {"type": "string", "description": "The name of a query parameter."},
                    "detail": {"type": "string"},
                },
            },
        },
    },
}


def register(app: Flask) -> None:
    """Add the API to the application, with its document."""
    app.register_blueprint(bp)


@bp.get("/openapi.json")
def openapi() -> Response:
    """Send the document."""
    return Response(to_json(document(startable_types())), mimetype=_JSON)


def startable_types() -> tuple[JobType, ...]:
    """Return the job types that the reader can start."""
    policy = job_policy()
    return tuple(each for each in services().registry if each.listed and policy.may_start(each.name))


def document(job_types: Iterable[JobType]) -> dict[str, Any]:
    """Return the document, with the payloads of these job types."""
    operations, job_types = tuple(all_operations()), tuple(job_types)
    schemas = _Schemas(operations, job_types)
    paths: dict[str, dict[str, Any]] = {}
    for operation in operations:
        paths.setdefault(operation.template, {})[operation.method.lower()] = _operation(operation, schemas)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Deskjob",
            "version": version(),
            "description": "Background jobs: start, follow, download.",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": public_url_of(API_ROOT)}],
        "security": [{"token": []}],
        "tags": [{"name": tag, "description": text} for tag, text in _tags(operations).items()],
        "paths": paths,
        "components": {
            "schemas": {**schemas.used_in(paths), "Problem": _PROBLEM},
            "responses": {
                "Problem": {
                    "description": "The request was refused or could not be carried out.",
                    "content": {MEDIA_TYPE: {"schema": {"$ref": REF.format(model="Problem")}}},
                }
            },
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer", "description": "An API token: `dj_…`."}},
        },
    }


class _Schemas:
    """The schemas of all models, by model and use."""

    def __init__(self, operations: tuple[Operation, ...], job_types: tuple[JobType, ...]) -> None:
        inputs: dict[tuple[str, str], tuple[Any, Any, TypeAdapter[Any]]] = {}
        for operation in operations:
            for answer in operation.answers.values():
                if answer.model is not None:
                    self._add(inputs, answer.model, "serialization")
            if operation.body is not None:
                self._add(inputs, operation.body, "validation")
        for job_type in job_types:
            self._add(inputs, job_type.payload_class, "validation")
        found, definitions = TypeAdapter.json_schemas(list(inputs.values()), ref_template=REF)
        self._by_key: dict[tuple[str, str], Any] = {(key, mode): schema for (key, mode), schema in found.items()}
        self.components: dict[str, Any] = dict(definitions.get("$defs", {}))
        self.file_parts = _file_parts(job_types)
        self._start_by_type(job_types)

    def of(self, model: Any, mode: str) -> Any:
        """Return the schema of a model, usually a reference."""
        return self._by_key[_key(model), mode]

    def used_in(self, paths: Any) -> dict[str, Any]:
        """Return the components that the paths refer to, directly or through others, and the general body."""
        wanted, used = {*_references(paths), JobRequest.__name__}, dict[str, Any]()
        while wanted:
            used.update({name: self.components[name] for name in wanted if name in self.components})
            wanted = {name for schema in used.values() for name in _references(schema)} - used.keys() - {"Problem"}
        return {name: schema for name, schema in self.components.items() if name in used}

    def _add(self, inputs: dict[Any, Any], model: Any, mode: str) -> None:
        inputs[_key(model), mode] = (_key(model), mode, TypeAdapter(model))

    def _start_by_type(self, job_types: tuple[JobType, ...]) -> None:
        """Let the body of "Start a job" be one of the job types, each with its payload."""
        general = self.components[self.of(JobRequest, "validation")["$ref"].rpartition("/")[2]]
        names = {job_type.name: f"Start-{job_type.name}" for job_type in job_types}
        for job_type in job_types:
            payload = self._payload(job_type)
            self.components[f"Payload-{job_type.name}"] = {**payload, "title": f"Payload of {job_type.name}"}
            self.components[names[job_type.name]] = {
                **general,
                "title": f"Start {job_type.name}",
                "description": job_type.description,
                "properties": {
                    **general["properties"],
                    "type": {"const": job_type.name, "type": "string"},
                    "payload": {"$ref": REF.format(model=f"Payload-{job_type.name}")},
                },
                "required": ["type", *(["payload"] if payload.get("required") else [])],
            }
        if names:
            references = {name: REF.format(model=component) for name, component in names.items()}
            self.components["StartJob"] = {
                "oneOf": [{"$ref": reference} for reference in references.values()],
                "discriminator": {"propertyName": "type", "mapping": references},
            }
            self._by_key[_key(JobRequest), "validation"] = {"$ref": REF.format(model="StartJob")}

    def _payload(self, job_type: JobType) -> dict[str, Any]:
        """Return the schema of a payload without its files, which are parts of their own."""
        schema = self.of(job_type.payload_class, "validation")
        schema = self.components[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema
        files = {spec.path[0] for spec in upload_specs(job_type.payload_class) if len(spec.path) == 1}
        left = {name: value for name, value in schema.get("properties", {}).items() if name not in files}
        required = [name for name in schema.get("required", ()) if name not in files]
        return {**{key: value for key, value in schema.items() if key != "required"}, "properties": left} | (
            {"required": required} if required else {}
        )


def _key(model: Any) -> str:
    return f"{getattr(model, '__module__', '')}.{model!r}"


def _tags(operations: Iterable[Operation]) -> dict[str, str]:
    """Return the tags in their order, each with what the module of its operations says about itself."""
    modules = {operation.tag: sys.modules[operation.handler.__module__] for operation in operations}
    return {tag: str(module.__doc__).partition("\n")[0] for tag, module in modules.items()}


def _references(schema: Any) -> set[str]:
    if isinstance(schema, list):
        return {name for each in schema for name in _references(each)}
    if not isinstance(schema, dict):
        return set()
    own = {schema["$ref"].rpartition("/")[2]} if isinstance(schema.get("$ref"), str) else set()
    return own.union(*(_references(value) for value in schema.values()))


def _operation(operation: Operation, schemas: _Schemas) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": operation.name,
        "summary": operation.summary,
        "description": operation.description or operation.sentence,
        "tags": [operation.tag],
        "security": [
            {"token": [scope.value for scope in operation.scopes]},
            *([{"token": [operation.own_scope.value]}] if operation.own_scope else []),
        ],
        "parameters": _parameters(operation),
        "responses": {
            **{str(status): _answer(answer, schemas) for status, answer in operation.answers.items()},
            **{str(status): _PROBLEM_RESPONSE for status in _refusals(operation)},
            "default": _PROBLEM_RESPONSE,
        },
    }
    if operation.body is not None:
        described["requestBody"] = _body(operation, schemas)
    return described


def _refusals(operation: Operation) -> Iterator[int]:
    """Return the statuses with which the operation refuses a request that cannot be carried out."""
    yield from (401, 403)
    if operation.path_arguments:
        yield 404
    if operation.method != "GET":
        yield 409
    if operation.query is not None or operation.body is not None:
        yield 422
    yield 429


def _parameters(operation: Operation) -> list[dict[str, Any]]:
    path = operation.path_arguments
    found = [{"name": name, "in": "path", "required": True, "schema": _KINDS[kind]} for name, kind in path]

    if operation.query is not None:
        found += _query_parameters(operation.query)
    if operation.takes_key:
        schema = {"type": "string", "minLength": 1, "maxLength": 120, "pattern": "^[!-~]+$"}
        text = "Makes it safe to send the request again: it is carried out once."
        found.append({"name": "Idempotency-Key", "in": "header", "description": text, "schema": schema})
    return found


def _query_parameters(query: type[BaseModel]) -> Iterable[dict[str, Any]]:
    schema = query.model_json_schema(ref_template=REF)
    definitions = schema.get("$defs", {})
    for name, given in schema.get("properties", {}).items():
        described = {key: value for key, value in given.items() if key not in {"title", "description"}}
        parameter = {"name": name, "in": "query", "schema": _without_references(described, definitions)}
        yield parameter | ({"description": given["description"]} if "description" in given else {})


def _without_references(schema: Any, definitions: Mapping[str, Any]) -> Any:
    """Return a schema with the definitions that it refers to in their places, and without the choice of null."""
    if isinstance(schema, list):
        return [_without_references(each, definitions) for each in schema if each != {"type": "null"}]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return _without_references(definitions[schema["$ref"].rpartition("/")[2]], definitions)
    found = {key: _without_references(value, definitions) for key, value in schema.items() if value is not None}
    choices = found.pop("anyOf", None)
    return {**found, **choices[0]} if choices and len(choices) == 1 else found | ({"anyOf": choices} if choices else {})


def _body(operation: Operation, schemas: _Schemas) -> dict[str, Any]:
    schema = schemas.of(operation.body, "validation")
    content: dict[str, Any] = {_JSON: {"schema": schema}}
    if operation.takes_files:
        properties = {JOB_PART: schema, **schemas.file_parts}
        content["multipart/form-data"] = {
            "schema": {"type": "object", "required": [JOB_PART], "properties": properties},
            "encoding": {JOB_PART: {"contentType": _JSON}},
        }
    is_optional = operation.body is not JobRequest and not _required(operation.body)
    return {"required": not is_optional, "content": content}


def _file_parts(job_types: Iterable[JobType]) -> dict[str, Any]:
    file = {**_FILE, "contentMediaType": "application/octet-stream"}
    parts: dict[str, Any] = {}
    for job_type in job_types:
        for name, rule in upload_rules(job_type.payload_class).items():
            parts[name] = {"type": "array", "items": file} if rule.is_list else file
    return parts


def _required(model: Any) -> bool:
    fields = getattr(model, "model_fields", None)
    return fields is None or any(field.is_required() for field in fields.values())


def _answer(answer: Answer, schemas: _Schemas) -> dict[str, Any]:
    described: dict[str, Any] = {"description": answer.description}
    if answer.headers:
        described["headers"] = {name: _HEADERS[name] for name in answer.headers}
    if answer.model is not None:
        described["content"] = {answer.media_type: {"schema": schemas.of(answer.model, "serialization")}}
    elif answer.media_type != _JSON:
        is_problem = answer.media_type == MEDIA_TYPE
        described["content"] = {
            answer.media_type: {"schema": {"$ref": REF.format(model="Problem")} if is_problem else _FILE}
        }
    return described
