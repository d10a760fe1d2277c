"""`docker-compose.yml` as Compose reads it: anchors merged, variables put in."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

# Comes with yamllint, which brings no types for it.
import yaml  # type: ignore[import-untyped]

ROOT = Path(__file__).parents[2]
COMPOSE_FILE = ROOT / "docker-compose.yml"
DOCKERFILE = ROOT / "Dockerfile"

_VARIABLE = re.compile(
    r"\$(?:(?P<dollar>\$)|\{(?P<name>\w+)(?:(?P<operator>:?[-?])(?P<rest>[^}]*))?\}|(?P<bare>\w+))"
)
"""Interpolation of the Compose specification, as far as the file uses it: not nested."""


class MissingVariable(Exception):
    """A `${NAME:?message}` without a value; the text is the name and the message."""


class _UniqueKeys(yaml.SafeLoader):  # type: ignore[misc] # the base class has no types
    """Compose refuses a key that stands twice in one mapping; PyYAML would take the last."""

    def construct_mapping(self, node: Any, deep: bool = False) -> Any:
        names = [key.value for key, _ in node.value if key.tag != "tag:yaml.org,2002:merge"]
        twice = {name for name in names if names.count(name) > 1}
        if twice:
            raise yaml.YAMLError(f"{node.start_mark}: twice in one mapping: {sorted(twice)}")
        return super().construct_mapping(node, deep)


def load(environment: Mapping[str, str]) -> dict[str, Any]:
    """The file with `environment` (the shell's and `.env`'s) put in.

    Raises:
        MissingVariable: a required one is unset or empty.
    """
    document = yaml.load(COMPOSE_FILE.read_text(), Loader=_UniqueKeys)  # noqa: S506 - a SafeLoader
    filled = _fill(document, environment)
    assert isinstance(filled, dict)
    return filled


def variables() -> dict[str, str | None]:
    """Every variable that the file interpolates, with the message of a required one."""
    found: dict[str, str | None] = {}
    for match in _VARIABLE.finditer(COMPOSE_FILE.read_text()):
        name = match["name"] or match["bare"]
        if name and match.string[max(0, match.start() - 1)] != "$":
            message = match["rest"] if match["operator"] in {"?", ":?"} else None
            found[name] = found.get(name) or message
    return found


def _fill(value: Any, environment: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        return {key: _fill(item, environment) for key, item in value.items()}
    if isinstance(value, list):
        return [_fill(item, environment) for item in value]
    if isinstance(value, str):
        return _VARIABLE.sub(lambda match: _replacement(match, environment), value)
    return value


def _replacement(match: re.Match[str], environment: Mapping[str, str]) -> str:
    if match["dollar"]:
        return "$"
    name = match["name"] or match["bare"]
    operator, rest = match["operator"] or "", match["rest"] or ""
    value = environment.get(name)
    if value or (value is not None and not operator.startswith(":")):
        return value
    if operator.endswith("?"):
        raise MissingVariable(f"{name}: {rest}")
    return rest if operator.endswith("-") else ""
