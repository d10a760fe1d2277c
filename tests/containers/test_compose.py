"""What `docker-compose.yml` promises, checked without a container engine."""

import re
from typing import Any

import pytest
import typer
import yaml  # type: ignore[import-untyped] # comes with yamllint, which brings no types for it
from typer.core import TyperGroup
from yamllint import linter  # type: ignore[import-untyped] # has no types
from yamllint.config import YamlLintConfig  # type: ignore[import-untyped] # has no types

from cli import app
from local.temporal_server import DYNAMIC_CONFIG
from settings import Settings
from tests.containers import compose

SECRETS = {
    name: f"{name}-{'x' * 40}"
    for name, message in compose.variables().items()
    if message is not None
}
DOCUMENT = compose.load(SECRETS)
SERVICES: dict[str, dict[str, Any]] = DOCUMENT["services"]
JOBS = {"temporal-schema", "temporal-namespace", "migrate"}
"""They do their work and end; everything else stays up."""
OURS = {"migrate", "api", "worker", "simulator"}
ONLY_FOR_COMPOSE = {
    "POSTGRES_PASSWORD",
    "PARLEY_POSTGRES_PASSWORD",
    "TEMPORAL_POSTGRES_PASSWORD",
    "PARLEY_VERSION",
}
OF_THE_AWS_SDK = {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}
SETTINGS = {name.upper() for name in Settings.model_fields}

every_service = pytest.mark.parametrize("name", sorted(SERVICES))


def test_the_product_of_the_contract_is_there() -> None:
    assert {"postgres", "localstack", "temporal", "temporal-ui", "api", "worker"} <= SERVICES.keys()


def test_the_file_is_clean_yaml() -> None:
    rules = YamlLintConfig(
        "extends: default\n"
        "rules:\n"
        "  document-start: disable\n"
        "  line-length: {max: 160}\n"
        "  comments: {min-spaces-from-content: 1}\n"
    )
    assert [str(p) for p in linter.run(compose.COMPOSE_FILE.read_text(), rules)] == []


@every_service
def test_every_image_is_pinned(name: str) -> None:
    image = SERVICES[name]["image"]
    if name in OURS:
        assert SERVICES[name]["build"] == "."
        assert re.fullmatch(r"parley:\d+\.\d+\.\d+", image)
    else:
        assert re.fullmatch(r"[\w./-]+:v?\d+\.\d+\.\d+[\w.-]*@sha256:[0-9a-f]{64}", image)


def test_the_images_of_temporal_are_of_one_version() -> None:
    versions = {
        SERVICES[name]["image"].split(":")[1].split("@")[0]
        for name in ("temporal", "temporal-schema", "temporal-namespace")
    }
    assert len(versions) == 1


def test_localstack_starts_without_an_account() -> None:
    """Releases after 4.14 ask for a token (LocalStack's announcement of March 2026)."""
    major, minor = SERVICES["localstack"]["image"].split(":")[1].split(".")[:2]
    assert (int(major), int(minor)) <= (4, 14)


@every_service
def test_every_server_is_watched_and_every_job_ends(name: str) -> None:
    service = SERVICES[name]
    if name in JOBS:
        assert service["restart"].startswith("on-failure")
        assert "healthcheck" not in service
    else:
        assert service["restart"] == "unless-stopped"
        assert service["healthcheck"]["test"]


@every_service
def test_each_waits_for_what_it_needs(name: str) -> None:
    for needed, how in SERVICES[name].get("depends_on", {}).items():
        expected = "service_completed_successfully" if needed in JOBS else "service_healthy"
        assert how["condition"] == expected
        assert "profiles" not in SERVICES[needed]


def test_api_and_worker_start_after_the_migration_and_it_after_every_store() -> None:
    assert "migrate" in SERVICES["api"]["depends_on"]
    assert "migrate" in SERVICES["worker"]["depends_on"]
    assert {"postgres", "localstack", "temporal-namespace"} <= SERVICES["migrate"][
        "depends_on"
    ].keys()


@every_service
def test_ports_are_published_on_loopback_only(name: str) -> None:
    for port in SERVICES[name].get("ports", []):
        assert re.fullmatch(r"127\.0\.0\.1:\d+:\d+", port)


@every_service
def test_logs_are_bounded(name: str) -> None:
    assert SERVICES[name]["logging"]["options"].keys() == {"max-size", "max-file"}


def test_the_ports_are_those_of_make_run() -> None:
    published = {
        name: port.split(":")[1]
        for name, service in SERVICES.items()
        for port in service.get("ports", [])
    }
    assert published == {
        "api": str(Settings.model_fields["parley_api_port"].default),
        "simulator": str(Settings.model_fields["parley_simulator_port"].default),
        "temporal": str(Settings.model_fields["parley_temporal_port"].default),
        "temporal-ui": str(Settings.model_fields["parley_temporal_ui_port"].default),
    }


@every_service
def test_named_volumes_are_declared(name: str) -> None:
    for volume in SERVICES[name].get("volumes", []):
        assert volume.split(":")[0] in DOCUMENT["volumes"]


@every_service
def test_configs_are_declared(name: str) -> None:
    for config in SERVICES[name].get("configs", []):
        assert config["source"] in DOCUMENT["configs"]


@pytest.mark.parametrize("name", sorted(OURS))
def test_our_settings_exist(name: str) -> None:
    assert set(SERVICES[name].get("environment", {})) <= SETTINGS | OF_THE_AWS_SDK


def test_every_variable_is_a_setting_or_explained() -> None:
    assert compose.variables().keys() <= SETTINGS | ONLY_FOR_COMPOSE


@pytest.mark.parametrize("name", sorted(SECRETS))
def test_a_missing_secret_is_a_sentence_that_says_what_to_do(name: str) -> None:
    without = {other: value for other, value in SECRETS.items() if other != name}
    with pytest.raises(compose.MissingVariable, match=rf"{name}: put it into \.env"):
        compose.load(without)


def test_no_secret_has_a_default() -> None:
    secret = re.compile(r"PASSWORD|SECRET_KEYS|ADMIN_KEY|CODEC_TOKEN|API_KEY")
    assert {name for name in compose.variables() if secret.search(name)} == SECRETS.keys()


@pytest.mark.parametrize("name", ["api", "worker", "migrate"])
def test_the_settings_of_our_processes_are_valid(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for setting, value in SERVICES[name]["environment"].items():
        monkeypatch.setenv(setting, value or "")
    settings = Settings(_env_file=None)
    assert settings.require_secret_keys() == [SECRETS["PARLEY_SECRET_KEYS"]]
    assert SECRETS["PARLEY_POSTGRES_PASSWORD"] in settings.database_url
    assert settings.resolved_vector_store == "pgvector"
    assert settings.temporal_address == "temporal:7233"


@pytest.mark.parametrize("name", sorted(OURS))
def test_our_commands_are_the_commands_of_parley(name: str) -> None:
    group = typer.main.get_command(app)
    assert isinstance(group, TyperGroup)
    command, *arguments = SERVICES[name]["command"]
    group.commands[command].make_context(command, list(arguments))  # refuses unknown options


@pytest.mark.parametrize("name", sorted(OURS))
def test_our_containers_hold_no_more_rights_than_they_need(name: str) -> None:
    service = SERVICES[name]
    assert service["cap_drop"] == ["ALL"]
    assert service["read_only"] is True
    assert "no-new-privileges:true" in service["security_opt"]
    assert "configs" not in service, "Compose can't write inline configs into a read-only container"


def test_temporal_is_tuned_like_the_embedded_one() -> None:
    content = yaml.safe_load(DOCUMENT["configs"]["temporal-dynamic-config"]["content"])
    tuned = {key: str(values[0]["value"]).lower() for key, values in content.items()}
    # There a value is JSON on the command line: a duration has its quotes.
    assert tuned == {key: value.strip('"') for key, value in DYNAMIC_CONFIG.items()}


def test_the_web_ui_asks_the_api_to_decode_from_the_origin_that_the_api_allows() -> None:
    ui, api = SERVICES["temporal-ui"]["environment"], SERVICES["api"]["environment"]
    assert ui["TEMPORAL_CODEC_ENDPOINT"] == (
        f"{api['PARLEY_PUBLIC_URL']}/temporal/codec/{api['PARLEY_CODEC_TOKEN']}"
    )
    assert ui["TEMPORAL_CORS_ORIGINS"] == api["PARLEY_TEMPORAL_UI_URL"]


def test_the_bucket_that_localstack_keeps_is_ours() -> None:
    content = DOCUMENT["configs"]["localstack-ready"]["content"]
    bucket = Settings.model_fields["parley_s3_bucket"].default
    assert set(re.findall(r"s3://(\S+)", content)) == {bucket}
