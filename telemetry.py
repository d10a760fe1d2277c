"""What the processes say of themselves: structured logs with ids and never contents."""

import logging
import sys
from collections.abc import MutableMapping
from typing import Any, Literal

import structlog

NEVER_LOGGED = frozenset(
    [
        "text",
        "body",
        "content",
        "caption",
        "prompt",
        "reply",
        "transcript",
        "phone",
        "wa_id",
        "to",
        "recipient",
        "token",
        "access_token",
        "app_secret",
        "authorization",
        "secret",
        "key",
        "api_key",
    ]
)
"""Event keys that would carry what a person wrote, who they are, or a credential."""


def _drop_contents(
    _logger: Any, _name: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Last line of defence: a key that names content is replaced, whoever logged it."""
    for key in event.keys() & NEVER_LOGGED:
        event[key] = "[not logged]"
    return event


def configure_logging(*, level: str, output: Literal["json", "console"], process: str) -> None:
    """Send structlog's and the standard library's records to stderr in one format.

    Args:
        level: lowest level that is written.
        output: `json` (one object a line) or `console` (for people).
        process: name of this process, on every line.
    """
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        _drop_contents,
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *(p for p in shared if not isinstance(p, structlog.stdlib.ExtraAdder)),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer()
        if output == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                renderer,
            ],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    structlog.contextvars.bind_contextvars(process=process)
    for chatty in (
        "httpx",
        "httpx2",
        "httpcore",
        "openai",
        "botocore",
        "aiobotocore",
        "uvicorn.access",
    ):
        logging.getLogger(chatty).setLevel(logging.WARNING)


def get_logger(name: str) -> structlog.stdlib.BoundLogger:
    """A logger bound to `name`; pass ids as keyword arguments, never contents."""
    logger: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(name)
    return logger
