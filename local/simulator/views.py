"""How things look in the control API and to the page."""

from urllib.parse import quote

from local.simulator.config import SimulatorConfig
from local.simulator.storage.messages import Message
from local.simulator.storage.traffic import Delivery, Send
from local.simulator.wire import JsonObject, workflow_id_of


def message_view(message: Message, *, config: SimulatorConfig) -> JsonObject:
    workflow_id = workflow_id_of(message.callback_data)
    return message.model_dump() | {
        "workflow_id": workflow_id,
        "workflow_url": None if workflow_id is None else workflow_url(workflow_id, config=config),
    }


def workflow_url(workflow_id: str, *, config: SimulatorConfig) -> str:
    """Page of Temporal's Web UI for the latest run of a workflow."""
    base = config.temporal_ui_url.rstrip("/")
    namespace = quote(config.temporal_namespace, safe="")
    return f"{base}/namespaces/{namespace}/workflows/{quote(workflow_id, safe='')}"


def delivery_view(delivery: Delivery) -> JsonObject:
    return delivery.model_dump(exclude={"lane"})


def send_view(send: Send) -> JsonObject:
    return send.model_dump()
