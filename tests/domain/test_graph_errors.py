"""Each error code of Meta's has its verdict."""

import json
from pathlib import Path

import pytest

from domain.graph_errors import Verdict, verdict_of

CODES = Path(__file__).parents[3] / "shared/whatsapp/error_codes.json"

VERDICTS_OF_CLASS = {
    "alert": {Verdict.SENDER_BLOCKED, Verdict.REJECTED},
    "retry_limited": {Verdict.UNCERTAIN},
    "retry_backoff": {Verdict.BACK_OFF, Verdict.UNCERTAIN},
    "no_retry": {Verdict.REJECTED},
    "use_template": {Verdict.NEEDS_TEMPLATE},
    "wait_24h": {Verdict.REJECTED},
    "opt_out": {Verdict.REJECTED},
    "retry_pair": {Verdict.PAIR_BACK_OFF},
    "wait_event": {Verdict.REJECTED},
    "wait_details": {Verdict.SENDER_BLOCKED},
    "wait_5min": {Verdict.BACK_OFF},
}


@pytest.mark.parametrize(
    ("code", "status", "verdict"),
    [
        (130429, 400, Verdict.BACK_OFF),
        (131056, 400, Verdict.PAIR_BACK_OFF),
        (131000, 500, Verdict.UNCERTAIN),
        (190, 401, Verdict.SENDER_BLOCKED),
        (242, 403, Verdict.SENDER_BLOCKED),
        (131047, 400, Verdict.NEEDS_TEMPLATE),
        (131026, 400, Verdict.REJECTED),
        (999999, 400, Verdict.REJECTED),
        (999999, 500, Verdict.UNCERTAIN),
        (None, 502, Verdict.UNCERTAIN),
        (None, 200, Verdict.UNCERTAIN),
        (None, 429, Verdict.BACK_OFF),
        (None, 401, Verdict.SENDER_BLOCKED),
        (None, 404, Verdict.REJECTED),
    ],
)
def test_a_code_has_its_verdict(code: int | None, status: int, verdict: Verdict) -> None:
    assert verdict_of(code, http_status=status) is verdict


@pytest.mark.skipif(not CODES.exists(), reason="the shared table is not beside the checkout")
def test_every_documented_code_is_handled_by_its_class() -> None:
    for entry in json.loads(CODES.read_text())["codes"]:
        code = 200 if entry["code"] == "200-299" else entry["code"]
        verdict = verdict_of(code, http_status=entry["http_status"] or 400)
        assert verdict in VERDICTS_OF_CLASS[entry["retry_class"]], code
