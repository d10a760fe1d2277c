"""Meta's signature over a delivery.

`X-Hub-Signature-256: sha256=<hex HMAC-SHA256(app secret, raw body)>`. The bytes received are what
was signed: parsing and serialising them again gives others.
"""

import hashlib
import hmac
from collections.abc import Iterable


def sign(body: bytes, secret: str) -> str:
    """The header's value for these bytes."""
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def is_signed(body: bytes, header: str | None, *, secrets: Iterable[str]) -> bool:
    """Whether any of the secrets signed exactly these bytes. Compares in constant time, and tries
    every secret whatever the outcome, so that time tells nothing."""
    given = (header or "").strip().lower().encode()
    signed = False
    for secret in secrets:
        signed |= hmac.compare_digest(sign(body, secret).encode(), given)
    return signed
