"""The connection to Temporal, as the settings describe it."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from temporalio.client import Client, Plugin
from temporalio.envconfig import ClientConfigProfile, ClientConfigTLS, DataSource
from temporalio.runtime import PrometheusConfig, Runtime, TelemetryConfig

from adapters.keyring import KeyRing
from adapters.temporal.plugin import parley_plugin
from settings import Settings, SettingsError

LATENCY_BUCKETS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
"""Seconds. The SDK's own start at 50 ms, where a quick turn is over."""


LAST_CALL_SECONDS: Final = 0.3
"""Measured: a process that left sooner after its last call crashed in 1 to 4 of 12 runs, one that
waited so long in none of 15."""


async def let_last_call_end() -> None:
    """Call it before the event loop closes for good.

    A process that leaves right after its last call to Temporal can die of a signal in the
    interpreter's shutdown, its work done (temporalio/sdk-python#300). Nothing tells when the
    danger is over, hence the fixed time.
    """
    await asyncio.sleep(LAST_CALL_SECONDS)


async def connect(
    settings: Settings,
    *,
    plugins: Sequence[Plugin] = (),
    runtime: Runtime | None = None,
    lazy: bool = False,
) -> Client:
    """A client whose payloads are encrypted; workers made with it inherit that.

    Args:
        plugins: more of them, after Parley's own.
        lazy: connect at the first call instead of now.

    Raises:
        SettingsError: no key ring is set, or a TLS file cannot be read.
        RuntimeError: the server does not answer.
    """
    key_ring = KeyRing(settings.require_secret_keys())
    try:
        profile = _profile(settings).to_client_connect_config()
    except OSError as error:
        raise SettingsError(
            f"TEMPORAL_TLS_*_PATH: cannot read {error.filename}: {error.strerror}."
        ) from None
    return await Client.connect(
        profile["target_host"],
        namespace=profile["namespace"],
        api_key=profile.get("api_key"),
        tls=profile.get("tls"),
        plugins=[parley_plugin(key_ring), *plugins],
        runtime=runtime,
        lazy=lazy,
    )


def metrics_runtime(settings: Settings) -> Runtime | None:
    """A runtime that serves Temporal's metrics to Prometheus; `None` when no port is set."""
    if settings.parley_worker_metrics_port is None:
        return None
    names = (
        "temporal_workflow_task_schedule_to_start_latency",
        "temporal_workflow_task_execution_latency",
        "temporal_activity_schedule_to_start_latency",
        "temporal_activity_execution_latency",
        "temporal_workflow_endtoend_latency",
    )
    metrics = PrometheusConfig(
        bind_address=f"{settings.parley_api_host}:{settings.parley_worker_metrics_port}",
        counters_total_suffix=True,
        unit_suffix=True,
        durations_as_seconds=True,
        histogram_bucket_overrides=dict.fromkeys(names, LATENCY_BUCKETS),
    )
    return Runtime(telemetry=TelemetryConfig(metrics=metrics))


def _profile(settings: Settings) -> ClientConfigProfile:
    """The settings as Temporal's own configuration has them: a key or a file implies TLS."""
    key = settings.temporal_tls_client_key_data
    tls = ClientConfigTLS(
        disabled=None if settings.temporal_tls is None else not settings.temporal_tls,
        server_name=settings.temporal_tls_server_name,
        server_root_ca_cert=_source(
            settings.temporal_tls_server_ca_cert_path, settings.temporal_tls_server_ca_cert_data
        ),
        client_cert=_source(
            settings.temporal_tls_client_cert_path, settings.temporal_tls_client_cert_data
        ),
        client_private_key=_source(
            settings.temporal_tls_client_key_path, key.get_secret_value() if key else None
        ),
    )
    api_key = settings.temporal_api_key
    return ClientConfigProfile(
        address=settings.temporal_address,
        namespace=settings.temporal_namespace,
        api_key=api_key.get_secret_value() if api_key else None,
        tls=tls if tls != ClientConfigTLS() else None,
    )


def _source(path: str | None, data: str | None) -> DataSource | None:
    if path is not None:
        return Path(path)
    return data
