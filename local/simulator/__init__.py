"""A simulated WhatsApp: Meta's Graph API, its webhooks, and a phone in the browser.

`create_app(SimulatorConfig(data_dir=…))` is an ASGI app; `python -m local.simulator` serves it.
It is demo tooling for a machine's loopback interface: whoever reaches its port can do everything.
"""

from local.simulator.app import create_app
from local.simulator.config import SimulatorConfig
from local.simulator.server import serve

__all__ = ["SimulatorConfig", "create_app", "serve"]
