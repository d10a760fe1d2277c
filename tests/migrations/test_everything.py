"""`parley migrate`: everything in place, or a sentence that says what is not."""

import os
import subprocess
import sys
from collections.abc import Callable

import pytest

from local.aws import AwsServer
from local.temporal_server import TemporalServer


@pytest.fixture
def environment(
    database_url: str,
    aws: AwsServer,
    temporal_server: TemporalServer,
    new_table_name: Callable[[], str],
) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        **aws.environment(),
        "DATABASE_URL": database_url,
        "TEMPORAL_ADDRESS": temporal_server.address,
        "PARLEY_DYNAMODB_TABLE": new_table_name(),
        "PARLEY_S3_BUCKET": new_table_name(),
        "PARLEY_SECRET_KEYS": "the key ring of this test and of no other",
    }


def parley(*arguments: str, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - our own command
        [sys.executable, "-m", "cli", *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_migrate_puts_everything_in_place_and_may_be_repeated(environment: dict[str, str]) -> None:
    for _ in range(2):
        done = parley("migrate", environment=environment)
        assert done.returncode == 0, done.stderr
        assert [line.partition(":")[0] for line in done.stdout.splitlines()] == [
            "PostgreSQL",
            "DynamoDB",
            "S3",
            "Temporal",
        ]


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none"),
        ("AWS_ENDPOINT_URL_DYNAMODB", "http://127.0.0.1:1"),
        ("TEMPORAL_ADDRESS", "127.0.0.1:1"),
    ],
)
def test_a_server_that_does_not_answer_is_named(
    environment: dict[str, str], setting: str, value: str
) -> None:
    failed = parley("migrate", "--patience", "0", environment=environment | {setting: value})
    assert failed.returncode == 1
    assert setting in failed.stderr
    assert "Traceback" not in failed.stderr


def test_a_refusal_is_told_without_waiting(environment: dict[str, str]) -> None:
    wrong = environment["DATABASE_URL"].rpartition("/")[0] + "/no_such_database"
    failed = parley("migrate", environment=environment | {"DATABASE_URL": wrong})
    assert failed.returncode == 1
    assert "no_such_database" in failed.stderr
    assert "Traceback" not in failed.stderr


@pytest.mark.parametrize("command", ["migrate", "api"])
def test_bad_settings_are_one_sentence_each(environment: dict[str, str], command: str) -> None:
    bad = environment | {"PARLEY_API_PORT": "99999", "DATABASE_URL": "mysql://nope"}
    failed = parley(command, environment=bad)
    assert failed.returncode == 2
    sentences = failed.stderr.strip().splitlines()
    assert len(sentences) == 2
    assert "Traceback" not in failed.stderr
    del environment["PARLEY_SECRET_KEYS"]
    failed = parley(command, environment=environment)
    assert failed.returncode == 2
    assert failed.stderr.startswith("PARLEY_SECRET_KEYS is not set")
