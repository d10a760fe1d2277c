"""A template as it is sent: checked against what was approved, and filled in.

Rules and words are those of Meta's "Message templates" guides and of its error codes page.
"""

import re
from typing import Any

from local.simulator.errors import GraphError
from local.simulator.outgoing import Component
from local.simulator.outgoing import Template as SentTemplate
from local.simulator.storage.templates import Template, Templates
from local.simulator.wire import JsonObject

PLACEHOLDER = re.compile(r"\{\{\s*(\w+)\s*\}\}")
LONGEST = {"HEADER": 60, "BODY": 1024}
"""Characters of a part once it is filled in."""
MEDIA_FORMATS = ("IMAGE", "VIDEO", "DOCUMENT", "LOCATION")


def check_template(
    sent: SentTemplate, *, templates: Templates, waba_id: str, by_number: bool
) -> JsonObject:
    """What the person will see of it, or the `GraphError` that Graph would answer."""
    template = templates.get(waba_id, name=sent.name, language=sent.language.code)
    if template is None or template.status in ("PENDING", "REJECTED"):
        raise GraphError(
            132001,
            details=f"template name ({sent.name}) does not exist in {sent.language.code}",
        )
    if template.status == "PAUSED":
        raise GraphError(132015, details="The template is paused due to low quality.")
    if template.status == "DISABLED":
        raise GraphError(132016, details="The template was paused too often and is disabled.")
    if template.category == "AUTHENTICATION" and not by_number:
        raise GraphError(131062, details="Authentication templates need a phone number.")
    return _Filling(template, sent).rendered()


class _Filling:
    def __init__(self, template: Template, sent: SentTemplate) -> None:
        self._template = template
        self._sent = sent

    def rendered(self) -> JsonObject:
        body = self._template.component("BODY") or {"text": ""}
        footer = self._template.component("FOOTER")
        return {
            "header": self._header(),
            "body": self._filled("BODY", body["text"], self._parameters("body")),
            "footer": footer and footer["text"],
            "buttons": [
                self._button(index, button) for index, button in enumerate(self._template.buttons)
            ],
        }

    def _header(self) -> JsonObject | None:
        header = self._template.component("HEADER")
        given = self._parameters("header")
        if header is None:
            self._expect("header", expected=0, given=len(given))
            return None
        kind = str(header.get("format", "TEXT"))
        if kind not in MEDIA_FORMATS:
            return {"type": "text", "text": self._filled("HEADER", header["text"], given)}
        self._expect("header", expected=1, given=len(given))
        key = kind.lower()
        if given[0].get("type") != key or not isinstance(given[0].get(key), dict):
            received = str(given[0].get("type", "UNKNOWN")).upper()
            raise GraphError(
                132012, details=f"header: Format mismatch, expected {kind}, received {received}"
            )
        return {"type": key, key: given[0][key]}

    def _button(self, index: int, button: JsonObject) -> JsonObject:
        given = self._parameters("button", index=index)
        shown = {"type": button["type"], "text": button["text"]}
        if button["type"] == "QUICK_REPLY":
            payload = given[0].get("payload") if given else None
            return shown | {"payload": payload or button["text"]}
        if button["type"] == "URL":
            return shown | {"url": self._filled("BUTTON", button["url"], given)}
        return shown | {key: button[key] for key in ("phone_number",) if key in button}

    def _filled(self, part: str, text: str, given: list[JsonObject]) -> str:
        names = list(dict.fromkeys(PLACEHOLDER.findall(text)))
        self._expect(part.lower(), expected=len(names), given=len(given))
        if self._template.parameter_format == "NAMED":
            values = {str(one.get("parameter_name")): _text_of(one, part) for one in given}
            if missing := [name for name in names if name not in values]:
                raise GraphError(132000, details=f"{part.lower()}: {missing[0]} is missing")
        else:
            ordered = sorted(names, key=int)
            values = {name: _text_of(one, part) for name, one in zip(ordered, given, strict=True)}
        filled = PLACEHOLDER.sub(lambda match: values[match[1]], text)
        if len(filled) > LONGEST.get(part, 2000):
            raise GraphError(132005, details=f"Translated text too long: {part.lower()}")
        return filled

    def _expect(self, part: str, *, expected: int, given: int) -> None:
        if expected != given:
            raise GraphError(
                132000,
                details=f"{part}: number of localizable_params ({given}) does not match the"
                f" expected number of params ({expected})",
            )

    def _parameters(self, kind: str, *, index: int | None = None) -> list[JsonObject]:
        found = [one for one in self._sent.components if _is_for(one, kind=kind, index=index)]
        return found[0].parameters if found else []


def _is_for(component: Component, *, kind: str, index: int | None) -> bool:
    extra: dict[str, Any] = component.model_extra or {}
    at = extra.get("index")
    return component.type.lower() == kind and (index is None or str(at) == str(index))


def _text_of(parameter: JsonObject, part: str) -> str:
    kind = parameter.get("type")
    if kind == "text":
        text = parameter.get("text")
    elif kind in ("currency", "date_time"):
        value = parameter.get(kind)
        text = value.get("fallback_value") if isinstance(value, dict) else None
    else:
        raise GraphError(
            132012,
            details=f"{part.lower()}: Format mismatch, expected TEXT, received {str(kind).upper()}",
        )
    if not isinstance(text, str) or not text:
        raise GraphError(131008, details=f"Required parameter is missing: {part.lower()} text")
    return text
