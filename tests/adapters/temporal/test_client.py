from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr
from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import (
    ListSearchAttributesRequest,
    RemoveSearchAttributesRequest,
)
from temporalio.service import RPCError, RPCStatusCode, TLSConfig

from adapters.temporal.client import connect, metrics_runtime
from adapters.temporal.search_attributes import ensure_search_attributes
from contracts.names import SEARCH_ATTRIBUTES
from local.ports import free_port
from local.temporal_server import TemporalServer
from settings import Settings, SettingsError
from tests.servers import ConnectTemporal

KEYS = [SecretStr("k" * 32)]


async def test_without_a_key_ring_nothing_connects() -> None:
    with pytest.raises(SettingsError, match="PARLEY_SECRET_KEYS"):
        await connect(Settings(_env_file=None, parley_secret_keys=[]), lazy=True)


async def test_a_tls_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    settings = Settings(
        _env_file=None,
        parley_secret_keys=KEYS,
        temporal_tls_client_cert_path=str(tmp_path / "absent.pem"),
    )
    with pytest.raises(SettingsError, match=r"absent\.pem"):
        await connect(settings, lazy=True)


async def test_plain_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    assert await _tls(monkeypatch) in (None, False)


async def test_a_key_or_a_file_implies_tls(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    ca = tmp_path / "ca.pem"
    ca.write_bytes(b"the authority")

    assert await _tls(monkeypatch, temporal_api_key=SecretStr("key")) is True
    with_file = await _tls(monkeypatch, temporal_tls_server_ca_cert_path=str(ca))
    with_data = await _tls(monkeypatch, temporal_tls_server_ca_cert_data="the authority")
    assert with_file == with_data == TLSConfig(server_root_ca_cert=b"the authority")


async def test_a_client_certificate_and_a_server_name_are_handed_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tls = await _tls(
        monkeypatch,
        temporal_tls_client_cert_data="certificate",
        temporal_tls_client_key_data=SecretStr("key"),
        temporal_tls_server_name="temporal.example",
    )

    assert tls == TLSConfig(
        client_cert=b"certificate", client_private_key=b"key", domain="temporal.example"
    )


async def test_tls_can_be_switched_on_and_off(monkeypatch: pytest.MonkeyPatch) -> None:
    assert await _tls(monkeypatch, temporal_tls=True) == TLSConfig()
    off = await _tls(monkeypatch, temporal_tls=False, temporal_api_key=SecretStr("key"))
    assert off is False


async def test_search_attributes_are_registered_once(connect_temporal: ConnectTemporal) -> None:
    client = await connect_temporal()
    name = "ConversationStatus"
    await client.operator_service.remove_search_attributes(
        RemoveSearchAttributesRequest(namespace=client.namespace, search_attributes=[name])
    )

    assert await ensure_search_attributes(client)
    assert await ensure_search_attributes(client)

    listed = await client.operator_service.list_search_attributes(
        ListSearchAttributesRequest(namespace=client.namespace)
    )
    assert listed.custom_attributes.keys() >= SEARCH_ATTRIBUTES.keys()
    assert listed.custom_attributes[name] == IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD


@pytest.mark.parametrize(
    ("status", "registered"),
    [(RPCStatusCode.PERMISSION_DENIED, False), (RPCStatusCode.ALREADY_EXISTS, True)],
)
async def test_a_server_that_does_not_let_us_is_no_obstacle(
    connect_temporal: ConnectTemporal,
    monkeypatch: pytest.MonkeyPatch,
    status: RPCStatusCode,
    registered: bool,
) -> None:
    client = await connect_temporal()

    async def refuse(*_: object, **__: object) -> None:
        raise RPCError("no", status, b"")

    monkeypatch.setattr(client.operator_service, "list_search_attributes", refuse)

    assert await ensure_search_attributes(client) is registered


async def test_metrics_are_served_when_a_port_is_set(temporal_server: TemporalServer) -> None:
    port = free_port()
    settings = Settings(
        _env_file=None,
        temporal_address=temporal_server.address,
        temporal_namespace=temporal_server.namespace,
        parley_secret_keys=KEYS,
        parley_worker_metrics_port=port,
    )
    runtime = metrics_runtime(settings)
    assert runtime is not None
    client = await connect(settings, runtime=runtime)
    await client.count_workflows()

    async with httpx.AsyncClient(trust_env=False) as http:
        response = await http.get(f"http://127.0.0.1:{port}/metrics")

    assert response.status_code == 200
    assert "temporal_request_total" in response.text


def test_without_a_port_there_are_no_metrics() -> None:
    assert metrics_runtime(Settings(_env_file=None)) is None


async def _tls(monkeypatch: pytest.MonkeyPatch, **settings: object) -> object:
    """The TLS configuration that the SDK is given."""
    given: dict[str, object] = {}

    async def note(*_: object, **options: object) -> None:
        given.update(options)

    monkeypatch.setattr("temporalio.client.Client.connect", note)
    await connect(Settings(_env_file=None, parley_secret_keys=KEYS, **settings))  # type: ignore[arg-type]
    return given["tls"]
