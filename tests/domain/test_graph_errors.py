"""Each error code of Meta's has its verdict and words."""

import json
from datetime import timedelta
from pathlib import Path

import pytest

from domain.graph_error_codes import CODES
from domain.graph_errors import (
    BLOCKING,
    Verdict,
    behaviour_of,
    probe_every,
    verdict_of,
    verdict_of_failure,
)

SHARED_CODES = Path(__file__).parents[3] / "shared/whatsapp/error_codes.json"

VERDICTS_OF_CLASS = {
    "alert": {
        Verdict.SENDER_BLOCKED, Verdict.ACCOUNT_BLOCKED,
        # About a recipient, templates or payments: see the words on top of the table.
        Verdict.UNREACHABLE, Verdict.TEMPLATE_REFUSED, Verdict.REJECTED,
    },
    "retry_limited": {Verdict.UNCERTAIN},
    "retry_backoff": {Verdict.BACK_OFF, Verdict.UNCERTAIN},
    "no_retry": {Verdict.REJECTED, Verdict.UNREACHABLE, Verdict.TEMPLATE_REFUSED},
    "use_template": {Verdict.NEEDS_TEMPLATE},
    "wait_24h": {Verdict.HELD_BACK},
    "opt_out": {Verdict.OPTED_OUT},
    "retry_pair": {Verdict.PAIR_BACK_OFF},
    "wait_event": {Verdict.TEMPLATE_REFUSED},
    "wait_details": {Verdict.SENDER_BLOCKED},
    "wait_5min": {Verdict.SENDER_BLOCKED},
}  # fmt: skip
PAUSE_NOTHING = {130497, 131030, 131064, 134011, 137000}
"""Codes that ask for an alert, or look as if they did, and concern this message alone."""


@pytest.mark.parametrize(
    ("code", "status", "verdict"),
    [
        (242, 403, Verdict.SENDER_BLOCKED),
        (999999, 400, Verdict.REJECTED),
        (999999, 401, Verdict.SENDER_BLOCKED),
        (999999, 500, Verdict.UNCERTAIN),
        (None, 502, Verdict.UNCERTAIN),
        (None, 200, Verdict.UNCERTAIN),
        (None, 429, Verdict.BACK_OFF),
        (None, 401, Verdict.SENDER_BLOCKED),
        (None, 404, Verdict.REJECTED),
    ],
)
def test_what_meta_did_not_document_has_a_verdict(
    code: int | None, status: int, verdict: Verdict
) -> None:
    assert verdict_of(code, http_status=status) is verdict


@pytest.mark.parametrize("code", CODES)
def test_a_code_means_the_same_whatever_the_http_status(code: int) -> None:
    for status in (200, 400, 401, 429, 500):
        assert verdict_of(code, http_status=status) is CODES[code].verdict
    assert verdict_of_failure(code) is CODES[code].verdict


@pytest.mark.parametrize("code", CODES)
def test_a_code_has_words_for_an_operator(code: int) -> None:
    known = CODES[code]
    assert known.meaning.endswith(".")
    assert known.what_to_do.endswith(".")


def test_an_unknown_failure_is_final() -> None:
    assert verdict_of_failure(None) is Verdict.REJECTED
    assert verdict_of_failure(999999) is Verdict.REJECTED
    assert behaviour_of(999999) is None


@pytest.mark.parametrize("code", PAUSE_NOTHING)
def test_what_concerns_one_message_pauses_no_channel(code: int) -> None:
    assert CODES[code].verdict not in BLOCKING


def test_quality_is_probed_rarely() -> None:
    assert probe_every(190) == timedelta(minutes=5)
    assert probe_every(131048) == timedelta(hours=1)
    assert probe_every(None) == timedelta(minutes=5)


@pytest.mark.skipif(not SHARED_CODES.exists(), reason="the shared table is not beside the checkout")
def test_every_documented_code_is_handled_by_its_class() -> None:
    documented = {
        200 if entry["code"] == "200-299" else entry["code"]: entry
        for entry in json.loads(SHARED_CODES.read_text())["codes"]
    }
    assert documented.keys() <= CODES.keys()
    for code, entry in documented.items():
        assert CODES[code].verdict in VERDICTS_OF_CLASS[entry["retry_class"]], code
