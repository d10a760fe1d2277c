"""What a worker counts is on one port with Temporal's own metrics."""

import httpx
from temporalio.contrib.pydantic import pydantic_data_converter

from adapters.temporal.client import metrics_runtime
from adapters.temporal.metrics import WorkerMetrics
from local.ports import free_port
from settings import Settings
from tests.servers import ConnectTemporal


async def test_counts_are_served_by_name_beside_temporals(
    connect_temporal: ConnectTemporal,
) -> None:
    port = free_port()
    settings = Settings(_env_file=None, parley_worker_metrics_port=port)
    runtime = metrics_runtime(settings)
    assert runtime is not None
    metrics = WorkerMetrics(runtime.metric_meter)
    for _ in range(3):
        metrics.count_lookup("assistant_profiles", "hit")
    metrics.count_lookup("assistant_profiles", "miss")
    metrics.quota_reached("messages_per_day", "soft")
    metrics.messages_refused("tokens_per_day", 2)
    metrics.answer_corrected("shortened", ["link", "number", "number"])
    client = await connect_temporal(data_converter=pydantic_data_converter, runtime=runtime)
    await client.count_workflows()

    async with httpx.AsyncClient() as http:
        text = (await http.get(f"http://127.0.0.1:{port}/metrics")).text
    samples = {
        line.replace('service_name="temporal-core-sdk"', "").replace(",}", "}")
        for line in text.splitlines()
        if line.startswith("parley_")
    }
    assert samples == {
        'parley_cache_lookups_total{cache="assistant_profiles",outcome="hit"} 3',
        'parley_cache_lookups_total{cache="assistant_profiles",outcome="miss"} 1',
        'parley_quotas_reached_total{limit="soft",quota="messages_per_day"} 1',
        'parley_messages_over_quota_total{quota="tokens_per_day"} 2',
        'parley_answers_corrected_total{outcome="shortened"} 1',
        'parley_ungrounded_claims_total{kind="link"} 1',
        'parley_ungrounded_claims_total{kind="number"} 2',
    }
    assert "temporal_request" in text


async def test_a_worker_without_a_port_counts_nothing() -> None:
    metrics = WorkerMetrics()
    metrics.count_lookup("assistant_profiles", "hit")
    metrics.quota_reached("messages_per_day", "hard")
    metrics.messages_refused("messages_per_day", 1)
