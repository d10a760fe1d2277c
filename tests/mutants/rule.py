"""What a mutant is, and the ways to take a rule out of the code that runs."""

import ast
import inspect
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, Final, NamedTuple

from sqlalchemy import text, true

from contracts.ids import OrganizationId

ROOT: Final = Path(__file__).resolve().parents[2]
EVERYONE: Final = OrganizationId("org_00000000000000000000000000")
"""In place of any organisation, by a rule that has forgotten which."""

DOOR: Final = "tests/api/test_isolation.py"
ROWS: Final = "tests/adapters/postgres/test_row_level_security.py"
KEYS: Final = "tests/adapters/dynamodb/test_keys.py"
VECTORS: Final = "tests/adapters/vectors"


class Mutant(NamedTuple):
    name: str
    rule: str
    """What is taken out, for the table."""
    make: Callable[[], None]
    tests: tuple[str, ...]
    """The narrowest that must notice it."""
    at_the_door: bool = True
    """Whether the test of every operation (`DOOR`) is worth asking as well."""


def replace(owner: Any, name: str, instead: Any) -> None:
    setattr(owner, name, instead)


def replace_in_sql(module: ModuleType, name: str, *rules: str) -> None:
    """Let conditions of a statement be true. They must be written as they are given here."""
    statement = str(getattr(module, name).text)
    for rule in rules:
        assert rule in statement, f"the rule is written otherwise now: {rule}"
        parameter = rule.rpartition(":")[2].partition(" ")[0]
        kind = "text[]" if "text[]" in rule else "text"
        statement = statement.replace(rule, f"CAST(:{parameter} AS {kind}) IS NOT NULL")
    replace(module, name, text(statement))


def functions_of(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """All functions and methods that the file defines."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts)


def take_condition_out(module: ModuleType, function: str, condition: str) -> None:
    """Let a condition of a query be true.

    Args:
        function: of the module's top level.
        condition: as `ast.unparse` writes it.
    """
    source = ast.parse(inspect.getsource(getattr(module, function)))
    source = ast.fix_missing_locations(_True(condition).visit(source))
    scope = {**vars(module), "true_of_sqlalchemy": true}
    exec(compile(source, str(module.__file__), "exec"), scope)  # noqa: S102 - our own source
    replace(module, function, scope[function])


class _True(ast.NodeTransformer):
    def __init__(self, condition: str) -> None:
        self._condition = condition

    def visit_Compare(self, node: ast.Compare) -> ast.expr:
        if ast.unparse(node) != self._condition:
            return node
        return ast.parse("true_of_sqlalchemy()", mode="eval").body
