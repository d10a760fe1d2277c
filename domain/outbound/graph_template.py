"""The object of a template message, as Meta takes it ("Template messages", components)."""

from typing import Any

from contracts.outbound import TemplateContent
from contracts.outbound_template import (
    CurrencyParameter,
    DateTimeParameter,
    FileParameter,
    HeaderParameter,
    TemplateButton,
    TextParameter,
    UrlButton,
)

Json = dict[str, Any]


def template_object(template: TemplateContent) -> Json:
    """Name and language, and the parameters of whatever parts have some."""
    components: list[Json] = []
    if template.header is not None:
        components.append({"type": "header", "parameters": [_parameter(template.header)]})
    if template.body:
        components.append(
            {"type": "body", "parameters": [_parameter(one) for one in template.body]}
        )
    components += [_button(button) for button in template.buttons]
    found: Json = {"name": template.name, "language": {"code": template.language}}
    return found | ({"components": components} if components else {})


def _parameter(parameter: HeaderParameter) -> Json:
    match parameter:
        case TextParameter(text=text):
            described: Json = {"type": "text", "text": text}
        case CurrencyParameter(fallback=fallback, code=code, amount_1000=amount):
            currency = {"fallback_value": fallback, "code": code, "amount_1000": amount}
            described = {"type": "currency", "currency": currency}
        case DateTimeParameter(fallback=fallback):
            described = {"type": "date_time", "date_time": {"fallback_value": fallback}}
        case FileParameter():
            return {"type": parameter.type, parameter.type: _file(parameter)}
    if parameter.name is not None:
        described["parameter_name"] = parameter.name
    return described


def _file(parameter: FileParameter) -> Json:
    file: Json = {"link": parameter.link} if parameter.link else {"id": parameter.media_id}
    return file | ({"filename": parameter.filename} if parameter.filename else {})


def _button(button: TemplateButton) -> Json:
    if isinstance(button, UrlButton):
        parameter = {"type": "text", "text": button.text}
    else:
        parameter = {"type": "payload", "payload": button.payload}
    return {
        "type": "button",
        "sub_type": button.type,
        "index": str(button.index),
        "parameters": [parameter],
    }
