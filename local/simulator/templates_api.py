"""Templates: as the Graph API lists them, and as the control API makes and switches them."""

from typing import Annotated, Literal

from fastapi import APIRouter, Path, Request
from pydantic import BaseModel, ConfigDict
from starlette.responses import Response

from local.simulator.errors import ControlError, GraphError
from local.simulator.graph_api import GraphResponse, authorized_account, page_of
from local.simulator.requests import read_body
from local.simulator.storage.templates import LANGUAGE, NAME, Template, TemplateStatus
from local.simulator.webhooks import account_body
from local.simulator.wire import JsonObject
from local.simulator.world import World

DEFAULT_FIELDS = ("name", "parameter_format", "components", "language", "status", "category")
FILTERS = ("name", "language", "status", "category")

TemplateEvent = Literal[
    "APPROVED", "REJECTED", "PAUSED", "DISABLED", "PENDING", "REINSTATED", "FLAGGED"
]
STATUS_AFTER: dict[TemplateEvent, TemplateStatus | None] = {
    "APPROVED": "APPROVED",
    "REINSTATED": "APPROVED",
    "REJECTED": "REJECTED",
    "PAUSED": "PAUSED",
    "DISABLED": "DISABLED",
    "PENDING": "PENDING",
    "FLAGGED": None,  # a warning: the template can still be sent
}

Name = Annotated[str, Path(pattern=NAME)]
Language = Annotated[str, Path(pattern=LANGUAGE)]


class EventBody(BaseModel):
    model_config = ConfigDict(extra="forbid")

    event: TemplateEvent


def templates_router(world: World) -> APIRouter:
    router = APIRouter()

    @router.get("/v{version:float}/{waba_id}/message_templates", tags=["Graph API"])
    async def list_templates(waba_id: str, request: Request) -> Response:
        authorized_account(world, waba_id, request)
        query = request.query_params
        found = [
            template
            for template in world.templates.of_account(waba_id)
            if all(
                query.get(key, getattr(template, key)).upper() == getattr(template, key).upper()
                for key in FILTERS
            )
        ]
        fields = _fields(query.get("fields"))
        objects = [_object(template, fields=fields) for template in found]
        return GraphResponse(page_of(objects, request))

    @router.get("/simulator/accounts/{waba_id}/templates", tags=["Control"])
    async def read_templates(waba_id: str) -> Response:
        _check_account(waba_id)
        items = [template.model_dump() for template in world.templates.of_account(waba_id)]
        return GraphResponse({"items": items})

    @router.put("/simulator/accounts/{waba_id}/templates/{name}/{language}", tags=["Control"])
    async def put_template(
        waba_id: str, name: Name, language: Language, request: Request
    ) -> Response:
        _check_account(waba_id)
        template = await read_body(request, Template, name=name, language=language)
        stored = world.templates.put(waba_id, template)
        _publish(waba_id, stored)
        return GraphResponse(stored.model_dump())

    @router.post(
        "/simulator/accounts/{waba_id}/templates/{name}/{language}/events", tags=["Control"]
    )
    async def switch_template(
        waba_id: str, name: Name, language: Language, request: Request
    ) -> Response:
        """Meta has judged the template: its status changes, and a webhook tells of it."""
        template = world.templates.get(waba_id, name=name, language=language)
        if template is None:
            raise ControlError(404, "There is no such template.")
        event = (await read_body(request, EventBody)).event
        status = STATUS_AFTER[event] or template.status
        with world.database.transaction():
            template = world.templates.put(waba_id, template.model_copy(update={"status": status}))
            _tell(waba_id, template, event=event)
        _publish(waba_id, template)
        return GraphResponse(template.model_dump())

    def _tell(waba_id: str, template: Template, *, event: TemplateEvent) -> None:
        for number in world.directory.numbers_of(waba_id)[:1]:  # told once for the whole account
            body = account_body(
                "message_template_status_update",
                _status_update(template, event=event),
                number=number,
                at=world.clock.now(),
            )
            world.outbox.enqueue(
                "event", lane=f"account/{waba_id}", number=number, body=body, person_id=None
            )

    def _check_account(waba_id: str) -> None:
        if not world.directory.numbers_of(waba_id):
            raise ControlError(404, "There is no such account.")

    def _publish(waba_id: str, template: Template) -> None:
        world.events.publish(
            {"type": "template", "waba_id": waba_id, "template": template.model_dump()}
        )

    return router


def _status_update(template: Template, *, event: TemplateEvent) -> JsonObject:
    value: JsonObject = {
        "event": event,
        "message_template_id": int(template.id),
        "message_template_name": template.name,
        "message_template_language": template.language,
        "reason": "INVALID_FORMAT" if event == "REJECTED" else "NONE",
        "message_template_category": template.category,
    }
    if event == "PAUSED":
        value["other_info"] = {
            "title": "FIRST_PAUSE",
            "description": "Your WhatsApp message template has been paused for 3 hours because it"
            " continued to have issues.",
        }
    if event == "REJECTED":
        value["rejection_info"] = {
            "reason": "The simulator was asked to reject it.",
            "recommendation": "Ask it to approve the template.",
        }
    return value


def _fields(asked: str | None) -> tuple[str, ...]:
    if asked is None:
        return DEFAULT_FIELDS
    fields = tuple(field.strip() for field in asked.split(","))
    for field in fields:
        if field not in Template.model_fields:
            raise GraphError(
                100,
                message=f"(#100) Tried accessing nonexisting field ({field}) on node type"
                " (WhatsAppMessageTemplate)",
            )
    return fields


def _object(template: Template, *, fields: tuple[str, ...]) -> JsonObject:
    values = template.model_dump()
    return {key: values[key] for key in dict.fromkeys((*fields, "id"))}
