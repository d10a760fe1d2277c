"""`python -m local.simulator`: a simulated WhatsApp on a port of this machine."""

import argparse
from contextlib import suppress
from pathlib import Path

from local.simulator.app import create_app
from local.simulator.config import SimulatorConfig
from local.simulator.server import SimulatorServer
from telemetry import configure_logging


def main() -> None:
    arguments = _parser().parse_args()
    configure_logging(level=arguments.log_level, output=arguments.log_format, process="simulator")
    config = SimulatorConfig(
        data_dir=arguments.data_dir,
        temporal_ui_url=arguments.temporal_ui_url,
        service_window=arguments.service_window,
        retry_cap_seconds=arguments.retry_cap_seconds,
        messages_per_second=arguments.messages_per_second or None,
        pair_burst=arguments.pair_burst or None,
    )
    server = SimulatorServer(create_app(config), host=arguments.host, port=arguments.port)
    with suppress(KeyboardInterrupt):  # raised again by uvicorn once everything is closed
        server.run()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m local.simulator",
        description="A simulated WhatsApp: Meta's Graph API, its webhooks, a phone in the browser.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=8100, help="port to listen on")
    parser.add_argument(
        "--data-dir", type=Path, default=Path(".parley/simulator"), help="where the state is kept"
    )
    parser.add_argument(
        "--temporal-ui-url", default="http://127.0.0.1:8233", help="where workflow links lead"
    )
    parser.add_argument(
        "--service-window",
        choices=["async", "sync", "off"],
        default="async",
        help="how a free-form message outside 24 hours fails",
    )
    parser.add_argument(
        "--retry-cap-seconds", type=float, default=60, help="longest wait between two deliveries"
    )
    parser.add_argument(
        "--messages-per-second",
        type=float,
        default=80,
        help="messages a number may send in a second; 0: no limit",
    )
    parser.add_argument(
        "--pair-burst", type=int, default=45, help="messages to one person at once; 0: no limit"
    )
    parser.add_argument(
        "--log-level",
        choices=["DEBUG", "INFO", "WARNING", "ERROR"],
        default="INFO",
        help="lowest level",
    )
    parser.add_argument(
        "--log-format", choices=["json", "console"], default="console", help="of logs"
    )
    return parser


if __name__ == "__main__":
    main()
