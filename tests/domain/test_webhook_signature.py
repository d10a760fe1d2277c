"""The signature is over the bytes, whatever they mean."""

import base64
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.webhook.signature import is_signed, sign

VECTORS = Path(__file__).parents[3] / "shared/whatsapp/signature_vectors.json"


@given(body=st.binary(), secret=st.text(min_size=1))
def test_what_a_secret_signed_it_recognises(body: bytes, secret: str) -> None:
    assert is_signed(body, sign(body, secret), secrets=["another", secret])
    assert not is_signed(body + b" ", sign(body, secret), secrets=[secret])
    assert not is_signed(body, sign(body, secret), secrets=["another" + secret])


@pytest.mark.parametrize("header", [None, "", "sha256=", "sha1=abc", "sha256=zz", "\u00e4"])
def test_a_header_that_is_none_is_refused(header: str | None) -> None:
    assert not is_signed(b"{}", header, secrets=["secret"])


def test_nothing_is_signed_without_a_secret() -> None:
    assert not is_signed(b"{}", sign(b"{}", ""), secrets=[])


def test_escaped_and_raw_unicode_are_different_bytes() -> None:
    escaped = json.dumps({"text": "ñ"}).encode()
    raw = json.dumps({"text": "ñ"}, ensure_ascii=False).encode()
    assert not is_signed(raw, sign(escaped, "secret"), secrets=["secret"])


@pytest.mark.skipif(not VECTORS.exists(), reason="the shared vectors are not beside the checkout")
def test_golden_vectors() -> None:
    for vector in json.loads(VECTORS.read_text()):
        header = vector["header"].partition(": ")[2]
        body = base64.b64decode(vector["body_base64"])
        assert is_signed(body, header, secrets=[vector["app_secret"]]), vector["name"]
