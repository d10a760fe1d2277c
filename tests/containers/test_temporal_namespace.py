"""The job that makes Temporal's namespace, run against a real server."""

import asyncio
import os

import pytest
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import Client

from local.temporal_server import BINARY, TemporalServer
from tests.containers.test_compose import SERVICES


async def _run_job(server: TemporalServer, *, namespace: str) -> tuple[int | None, str]:
    job = SERVICES["temporal-namespace"]
    process = await asyncio.create_subprocess_exec(
        *(job["entrypoint"] + job["command"]),
        env={
            "PATH": f"{BINARY.parent}:{os.environ['PATH']}",
            "HOME": os.environ["HOME"],
            "TEMPORAL_ADDRESS": server.address,
            "TEMPORAL_NAMESPACE": namespace,
        },
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    return process.returncode, output.decode()


@pytest.mark.timeout(60)
async def test_it_makes_the_namespace_once(temporal_server: TemporalServer) -> None:
    name = "made-by-the-job"
    for _ in range(2):
        code, output = await _run_job(temporal_server, namespace=name)
        assert code == 0, output
    client = await Client.connect(temporal_server.address)
    description = await client.workflow_service.describe_namespace(
        DescribeNamespaceRequest(namespace=name)
    )
    assert description.config.workflow_execution_retention_ttl.ToTimedelta().days == 7
