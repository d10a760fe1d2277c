"""The OpenAPI document: what FastAPI derives from the routes, and what it cannot know.

Each operation's problems follow from what it is made of: a key, a place in the path, a body. A
route declares only those of its own (`documented(409)`).
"""

from collections.abc import Iterable, Iterator
from typing import Any, Final

from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from starlette.routing import BaseRoute

from api.dependencies import get_principal, get_services
from api.examples import example_of, problem_example
from api.problems import MEDIA_TYPE, ProblemDetails, documented
from api.routing import HEADERS

DESCRIPTION: Final = """\
Every request but Meta's webhooks and the health checks carries a key:
`Authorization: Bearer <key>`. A key belongs to one organisation and has a role (`admin`,
`operator` or `viewer`), or is the platform administrator's. What belongs to another organisation
answers 404, as if it did not exist.

Lists are newest first and come in pages: hand `next_cursor` in as `cursor` until it is null. Errors
are RFC 9457 problems; their `detail` says what to do, and `errors` names the fields of a request
that was refused. Times are RFC 3339 in UTC. Ids are opaque.
"""

TAGS: Final = [
    {"name": "organizations", "description": "The tenants, their settings and quotas."},
    {"name": "api keys", "description": "Keys of an organisation. A secret is shown once."},
    {"name": "assistants", "description": "Who answers, how, and from which knowledge."},
    {"name": "channels", "description": "WhatsApp numbers. Secrets go in and never come out."},
    {"name": "knowledge bases", "description": "What assistants answer from, and its search."},
    {
        "name": "documents",
        "description": "Files and texts of a knowledge base; taken in one by one.",
    },
    {"name": "whatsapp users", "description": "The people who have written."},
    {"name": "conversations", "description": "What was said, newest activity first."},
    {
        "name": "sources",
        "description": "Websites, pages, files in buckets, questions: what a knowledge base is "
        "kept current from, on a schedule or when asked.",
    },
    {
        "name": "webhook endpoints",
        "description": "The organisation's own systems, and what they are told.",
    },
    {"name": "usage", "description": "What was used, by hour, day or month."},
    {"name": "audit log", "description": "Who did what, and when."},
    {"name": "erasures", "description": "What is being removed everywhere, and how far that is."},
    {"name": "webhooks", "description": "Called by Meta: the verification and the deliveries."},
    {"name": "operation", "description": "For those who run Parley."},
]

REQUEST_ID: Final = {
    "description": "Finds the request in the logs.",
    "schema": {"type": "string"},
}
_HEADERS: Final[dict[int, dict[str, Any]]] = {
    401: {
        "WWW-Authenticate": {
            "description": "How to authenticate.",
            "schema": {"type": "string"},
        }
    },
    429: {"Retry-After": {"$ref": "#/components/headers/Retry-After"}},
    503: {"Retry-After": {"$ref": "#/components/headers/Retry-After"}},
}


def install(app: FastAPI, *, routes: Iterable[BaseRoute], public_url: str) -> None:
    """Have the application serve its document with all of this in it."""
    derived = app.openapi
    documented_routes = [
        route for route in routes if isinstance(route, APIRoute) and route.include_in_schema
    ]
    app.openapi_tags = TAGS
    app.servers = [{"url": public_url.rstrip("/")}]

    def complete() -> dict[str, Any]:
        if app.openapi_schema is None:
            _complete(derived(), documented_routes)
        assert app.openapi_schema is not None  # noqa: S101 - FastAPI keeps what it derived
        return app.openapi_schema

    # How FastAPI's documentation has it changed ("Extending OpenAPI").
    app.openapi = complete  # type: ignore[method-assign]


def _complete(document: dict[str, Any], routes: Iterable[APIRoute]) -> None:
    components = document.setdefault("components", {})
    schemas: dict[str, Any] = components.setdefault("schemas", {})
    problem = ProblemDetails.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas |= problem.pop("$defs", {})
    schemas["ProblemDetails"] = problem
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    components["headers"] = {"X-Request-Id": REQUEST_ID, **HEADERS}
    for path in document["paths"].values():
        if "patch" in path:
            _drop_defaults(path["patch"], schemas)
    for name, schema in schemas.items():
        if "examples" not in schema and (example := example_of(name, schemas)) is not None:
            schema["examples"] = [example]
    for route in routes:
        for method in route.methods or ():
            operation = document["paths"][route.path_format][method.lower()]
            _complete_operation(operation, route)
            _show_choices(operation, schemas)
    used = {tag for route in routes for tag in route.tags}
    document["tags"] = [tag for tag in TAGS if tag["name"] in used]


def _drop_defaults(update: dict[str, Any], schemas: dict[str, Any]) -> None:
    """What a partial update leaves out stays as it is: no default may tell a client otherwise."""
    body = update["requestBody"]["content"]["application/json"]["schema"]
    for field in schemas[body["$ref"].removeprefix("#/components/schemas/")]["properties"].values():
        field.pop("default", None)


def _complete_operation(operation: dict[str, Any], route: APIRoute) -> None:
    responses: dict[str, Any] = operation["responses"]
    # FastAPI describes its own kind of 422 wherever there are parameters.
    validates = responses.pop("422", None) is not None
    statuses = {status for status in _problems(operation, route) if str(status) not in responses}
    if validates:
        statuses.add(422)
    responses |= {str(status): answer for status, answer in documented(*statuses).items()}
    operation["responses"] = responses = dict(sorted(responses.items()))
    for status, response in responses.items():
        headers = {"X-Request-Id": {"$ref": "#/components/headers/X-Request-Id"}}
        content = response.get("content", {})
        if MEDIA_TYPE in content:
            headers |= _HEADERS.get(int(status), {})
            content[MEDIA_TYPE]["example"] = problem_example(int(status))
        response["headers"] = headers | response.get("headers", {})


def _show_choices(operation: dict[str, Any], schemas: dict[str, Any]) -> None:
    """An answer that is one of several has an example of each."""
    for response in operation["responses"].values():
        for content in response.get("content", {}).values():
            schema = content.get("schema", {})
            if choices := [one["$ref"] for one in schema.get("anyOf", ()) if "$ref" in one]:
                names = [reference.rsplit("/", 1)[-1] for reference in choices]
                schema["examples"] = [schemas[name]["examples"][0] for name in names]


def _problems(operation: dict[str, Any], route: APIRoute) -> Iterator[int]:
    """The statuses that what the route is made of may answer with."""
    calls = set(_calls(route.dependant))
    yield 500
    if get_principal in calls:
        yield 401
        yield 429
    if get_services in calls:
        yield 503
    if "{" in route.path:
        yield 404
    if "requestBody" in operation:
        yield from (400, 413, 422)


def _calls(dependant: Dependant) -> Iterator[object]:
    for dependency in dependant.dependencies:
        yield dependency.call
        yield from _calls(dependency)
