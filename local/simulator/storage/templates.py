"""The message templates of every account."""

import json
import secrets
import sqlite3
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from local.simulator.storage.database import Database
from local.simulator.wire import JsonObject, dump

TemplateStatus = Literal["APPROVED", "PENDING", "REJECTED", "PAUSED", "DISABLED"]
NAME = r"^[a-z0-9_]{1,512}$"
LANGUAGE = r"^[a-z]{2,3}(_[A-Z]{2})?$"


def _new_id() -> str:
    return str(10**15 + secrets.randbelow(9 * 10**15))


class Template(BaseModel):
    """One template in one language; its components are as Graph lists them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str = Field(default_factory=_new_id, pattern=r"^[0-9]{1,20}$")
    name: str = Field(pattern=NAME)
    language: str = Field(pattern=LANGUAGE)
    category: Literal["UTILITY", "MARKETING", "AUTHENTICATION"] = "UTILITY"
    status: TemplateStatus = "APPROVED"
    parameter_format: Literal["POSITIONAL", "NAMED"] = "POSITIONAL"
    components: list[JsonObject] = Field(min_length=1, max_length=10)

    def component(self, kind: str) -> JsonObject | None:
        return next((one for one in self.components if one.get("type") == kind), None)

    @property
    def buttons(self) -> list[JsonObject]:
        found: list[JsonObject] = (self.component("BUTTONS") or {}).get("buttons", [])
        return found


class Templates:
    """By account, name and language."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, waba_id: str, template: Template) -> Template:
        """Create or replace; the id of one that is known stays."""
        known = self.get(waba_id, name=template.name, language=template.language)
        if known is not None:
            template = template.model_copy(update={"id": known.id})
        self._database.execute(
            "INSERT OR REPLACE INTO templates (waba_id, name, language, id, category, status,"
            " parameter_format, components) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            waba_id,
            template.name,
            template.language,
            template.id,
            template.category,
            template.status,
            template.parameter_format,
            dump(template.components),
        )
        return template

    def get(self, waba_id: str, *, name: str, language: str) -> Template | None:
        row = self._database.row(
            "SELECT * FROM templates WHERE waba_id = ? AND name = ? AND language = ?",
            waba_id,
            name,
            language,
        )
        return None if row is None else _template(row)

    def of_account(self, waba_id: str) -> list[Template]:
        rows = self._database.rows(
            "SELECT * FROM templates WHERE waba_id = ? ORDER BY name, language", waba_id
        )
        return [_template(row) for row in rows]


def _template(row: sqlite3.Row) -> Template:
    values: dict[str, Any] = dict(row) | {"components": json.loads(row["components"])}
    del values["waba_id"]
    return Template.model_validate(values)
