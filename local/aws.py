"""DynamoDB and S3 as a child process: where they listen, and whether they work."""

import sys
from pathlib import Path

import httpx
from pydantic import BaseModel, ConfigDict

from local.ports import LOOPBACK
from local.process import Part, plain_environment

SIGNATURE = (
    "AWS4-HMAC-SHA256 Credential=local/20250101/{region}/{service}/aws4_request, "
    "SignedHeaders=host, Signature=0"
)
"""The emulator reads the region and the service from it and checks nothing."""


class AwsServer(BaseModel):
    """Where the embedded DynamoDB and S3 listen, with the credentials that their SDKs insist on."""

    model_config = ConfigDict(frozen=True)

    port: int
    region: str = "us-east-1"
    access_key_id: str = "local"
    secret_access_key: str = "local"  # noqa: S105 - the emulator takes any; it listens on loopback

    @property
    def endpoint_url(self) -> str:
        return f"http://{LOOPBACK}:{self.port}"

    def environment(self) -> dict[str, str]:
        """The AWS SDK's own variables, pointing here."""
        return {
            "AWS_ENDPOINT_URL_DYNAMODB": self.endpoint_url,
            "AWS_ENDPOINT_URL_S3": self.endpoint_url,
            "AWS_REGION": self.region,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_ACCESS_KEY_ID": self.access_key_id,
            "AWS_SECRET_ACCESS_KEY": self.secret_access_key,
        }


def aws_part(server: AwsServer, *, data_dir: Path, log_file: Path) -> Part:
    """The server as a part; it is healthy when it lists tables and buckets."""

    async def probe() -> None:
        def signed(service: str) -> dict[str, str]:
            return {"Authorization": SIGNATURE.format(region=server.region, service=service)}

        async with httpx.AsyncClient(base_url=server.endpoint_url, trust_env=False) as client:
            tables = await client.post(
                "/",
                content="{}",
                headers=signed("dynamodb")
                | {
                    "X-Amz-Target": "DynamoDB_20120810.ListTables",
                    "Content-Type": "application/x-amz-json-1.0",
                },
            )
            buckets = await client.get("/", headers=signed("s3"))
        tables.raise_for_status()
        buckets.raise_for_status()

    return Part(
        name="aws",
        command=(
            *(sys.executable, "-m", "local.emulated_aws"),
            *("--port", str(server.port), "--data-dir", str(data_dir)),
        ),
        # The emulator takes any credentials, but checks signed addresses by this one.
        environment=plain_environment(AWS_SECRET_ACCESS_KEY=server.secret_access_key),
        probe=probe,
        log_file=log_file,
    )
