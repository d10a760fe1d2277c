"""One organisation's attempt at another's objects, drawn by Hypothesis for any operation."""

import copy
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from hypothesis import strategies as st
from pydantic import SecretStr

from api.app import create_app
from settings import Settings
from tests.api.population import Populated

ROLES: Final = ("admin", "operator", "viewer", "platform")
_REFERENCE: Final = re.compile(r"_ids?$")


class Operation(NamedTuple):
    name: str
    method: str
    path: str
    described: dict[str, Any]

    @property
    def parameters(self) -> list[str]:
        """Names in the path."""
        return re.findall(r"\{(\w+)\}", self.path)

    @property
    def query(self) -> list[str]:
        return self._named("query")

    @property
    def headers(self) -> list[str]:
        return self._named("header")

    @property
    def changes(self) -> bool:
        return self.method != "get"

    def _named(self, where: str) -> list[str]:
        return [one["name"] for one in self.described.get("parameters", []) if one["in"] == where]


def the_document() -> dict[str, Any]:
    """The application's OpenAPI document; needs no server."""
    settings = Settings(_env_file=None, parley_secret_keys=[SecretStr("0" * 32)])
    return create_app(settings).openapi()


DOCUMENT: Final = the_document()
OPERATIONS: Final = sorted(
    Operation(described["operationId"], method, path, described)
    for path, methods in DOCUMENT["paths"].items()
    for method, described in methods.items()
)


@dataclass(frozen=True)
class Attempt:
    """Which of the ids that a request names are theirs; the others are the asker's own."""

    role: str
    path: frozenset[str]
    query: frozenset[str]
    body: frozenset[str]
    list_of_theirs: int
    """Which of their lists the cursor is taken from."""

    @property
    def names_theirs_in_path(self) -> bool:
        return bool(self.path)


def attempts(operation: Operation) -> st.SearchStrategy[Attempt]:
    references = sorted(field for field in _fields(operation) if _REFERENCE.search(field))
    filters = [name for name in operation.query if name == "cursor" or _REFERENCE.search(name)]
    drawn = st.builds(
        Attempt,
        role=st.sampled_from(ROLES),
        path=_subsets(operation.parameters),
        query=_subsets(filters),
        body=_subsets(references),
        list_of_theirs=st.integers(0, 99),
    )
    return drawn.filter(lambda attempt: _is_sensible(operation, attempt))


def _is_sensible(operation: Operation, attempt: Attempt) -> bool:
    if attempt.role == "platform":
        # It may see anyone's: what it names in the path of one organisation must be of that one.
        if "organization_id" not in operation.parameters or len(operation.parameters) < 2:
            return False
        theirs = attempt.path - {"organization_id"}
        return bool(theirs) and "organization_id" not in attempt.path
    # What the asker does to its own alone is no business of this test.
    return operation.method != "delete" or attempt.names_theirs_in_path


def body_of(operation: Operation, attempt: Attempt, ours: Populated, theirs: Populated) -> Any:
    """A valid body that refers to objects; to theirs where the attempt says so."""
    content = operation.described.get("requestBody", {}).get("content", {})
    if "application/json" not in content:
        return None
    media = content["application/json"]
    schema = resolved(media["schema"])
    example = media.get("example") or (schema.get("examples") or [{}])[0]
    body = copy.deepcopy(example)
    for field, described in schema.get("properties", {}).items():
        owner = theirs if field in attempt.body else ours
        known = owner.ids.get(re.sub(r"s$", "", field))
        if _REFERENCE.search(field) and known is not None:
            body[field] = [known] if _is_list(described) else known
    if "phone_number_id" in body:
        # A number is one organisation's: a collision would tell, rightly, that it is taken.
        body["phone_number_id"] = ours.ids["organization_id"].encode().hex()[-9:].translate(_DIGITS)
    return body


_DIGITS: Final = str.maketrans("abcdef", "123456")


def resolved(schema: Mapping[str, Any]) -> dict[str, Any]:
    if "$ref" not in schema:
        return dict(schema)
    found: dict[str, Any] = DOCUMENT["components"]["schemas"][schema["$ref"].rsplit("/", 1)[-1]]
    return found


def _fields(operation: Operation) -> Iterator[str]:
    content = operation.described.get("requestBody", {}).get("content", {})
    schema = content.get("application/json", {}).get("schema", {})
    yield from resolved(schema).get("properties", {})


def _is_list(described: Mapping[str, Any]) -> bool:
    return any(one.get("type") == "array" for one in described.get("anyOf", [described]))


def _subsets(names: list[str]) -> st.SearchStrategy[frozenset[str]]:
    if not names:
        return st.just(frozenset())
    return st.frozensets(st.sampled_from(names))
