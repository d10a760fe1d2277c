"""The control API of how the network behaves: faults, switches, held webhooks, the clock, codes."""

from typing import Any

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from local.simulator.behaviour import Behaviour
from local.simulator.error_codes import ERROR_CODES
from local.simulator.faults import FaultRule
from local.simulator.graph_api import GraphResponse
from local.simulator.outbox import Order
from local.simulator.requests import read_body, validated
from local.simulator.wire import JsonObject
from local.simulator.world import World


class FaultsBody(BaseModel):
    model_config = ConfigDict(extra="forbid")

    rules: list[FaultRule] = Field(max_length=100)


class ClockBody(BaseModel):
    model_config = ConfigDict(extra="forbid")

    skip_seconds: float = Field(gt=0, le=366 * 24 * 3600)


class ReleaseBody(BaseModel):
    model_config = ConfigDict(extra="forbid")

    order: Order = "kept"


def network_router(world: World) -> APIRouter:
    router = APIRouter(prefix="/simulator", tags=["Control"])

    @router.put("/faults")
    async def put_faults(request: Request) -> Response:
        body = await read_body(request, FaultsBody)
        world.faults.replace(body.rules)
        return GraphResponse(_rules(world))

    @router.get("/faults")
    async def list_faults() -> Response:
        return GraphResponse(_rules(world))

    @router.delete("/faults", status_code=204)
    async def clear_faults() -> Response:
        world.faults.replace([])
        return Response(status_code=204)

    @router.get("/errors")
    async def list_errors() -> Response:
        """The codes that a rule can answer with, in their own words and in ours."""
        return GraphResponse(
            {"items": [{"code": code} | kind.model_dump() for code, kind in ERROR_CODES.items()]}
        )

    @router.get("/behaviour")
    async def read_behaviour() -> Response:
        return GraphResponse(world.behaviours.now.model_dump())

    @router.patch("/behaviour")
    async def switch_behaviour(request: Request) -> Response:
        changes = await read_body(request, JsonObject)
        switched = validated(Behaviour, world.behaviours.now.model_dump() | changes)
        world.behaviours.switch(switched)
        return GraphResponse(switched.model_dump())

    @router.delete("/behaviour")
    async def reset_behaviour() -> Response:
        world.behaviours.reset()
        return GraphResponse(world.behaviours.now.model_dump())

    @router.get("/webhooks/hold")
    async def read_hold() -> Response:
        return GraphResponse({"held": world.outbox.held})

    @router.post("/webhooks/hold")
    async def hold() -> Response:
        """Deliver nothing until the release; what happens meanwhile is kept."""
        world.outbox.hold()
        return GraphResponse({"held": True})

    @router.post("/webhooks/release")
    async def release(request: Request) -> Response:
        body = await read_body(request, ReleaseBody)
        posts = world.outbox.release(body.order)
        world.events.publish({"type": "queue"})
        return GraphResponse({"held": False, "posts": posts})

    @router.get("/clock")
    async def read_clock() -> Response:
        return GraphResponse(_clock(world))

    @router.post("/clock")
    async def skip_time(request: Request) -> Response:
        body = await read_body(request, ClockBody)
        world.clock.skip(body.skip_seconds)
        world.outbox.changed.set()
        world.events.publish({"type": "clock"} | _clock(world))
        return GraphResponse(_clock(world))

    return router


def _rules(world: World) -> dict[str, Any]:
    return {"rules": [rule.model_dump() for rule in world.faults.rules]}


def _clock(world: World) -> JsonObject:
    return {"now": world.clock.now(), "skipped_seconds": world.clock.skipped_seconds}
