"""Assembles the workers: opens what activities need, once, and polls every task queue."""

import asyncio
import signal
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import Any

import httpx
import structlog
from temporalio.client import Client
from temporalio.common import VersioningBehavior
from temporalio.worker import PollerBehaviorAutoscaling, Worker

from contracts import names

_log = structlog.stdlib.get_logger(__name__)
