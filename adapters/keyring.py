"""Authenticated encryption at rest with a ring of keys: the newest seals, every one opens.

Format of a sealed value: version byte, 4-byte key id, 12-byte nonce, AES-256-GCM ciphertext, tag.
The context (what the value is, and whose) is authenticated but not stored, so that a sealed value
cannot be moved to another row or column.
"""

import hashlib
import os
from collections.abc import Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_VERSION = b"\x01"
_KEY_ID_BYTES = 4
_NONCE_BYTES = 12


class SealError(Exception):
    """The value was not sealed by a key of this ring, for this context, or it was altered."""


class KeyRing:
    """Seals and opens secrets. Rotate by putting a new key in front; drop the old when unused."""

    def __init__(self, keys: Sequence[str]) -> None:
        """
        Args:
            keys: newest first; any strings with enough entropy, stretched with HKDF-SHA256.
        """
        if not keys:
            raise ValueError("a key ring needs at least one key")
        ciphers = [_cipher(key) for key in keys]
        self._newest_id = ciphers[0][0]
        self._by_id = dict(reversed(ciphers))

    @property
    def newest_key_id(self) -> str:
        return self._newest_id.hex()

    def is_newest(self, sealed: bytes) -> bool:
        """Whether the newest key sealed it, as far as it says so itself: nothing is opened."""
        return sealed.startswith(_VERSION + self._newest_id)

    def seal(self, plaintext: bytes, *, context: str) -> bytes:
        nonce = os.urandom(_NONCE_BYTES)
        cipher = self._by_id[self._newest_id]
        return (
            _VERSION + self._newest_id + nonce + cipher.encrypt(nonce, plaintext, context.encode())
        )

    def open(self, sealed: bytes, *, context: str) -> bytes:
        """The plaintext; `SealError` when key, context or bytes are not what it was sealed with."""
        key_end = 1 + _KEY_ID_BYTES
        cipher = self._by_id.get(sealed[1:key_end])
        if sealed[:1] != _VERSION or cipher is None:
            raise SealError("sealed with a key that is not in PARLEY_SECRET_KEYS")
        nonce, body = sealed[key_end : key_end + _NONCE_BYTES], sealed[key_end + _NONCE_BYTES :]
        try:
            return cipher.decrypt(nonce, body, context.encode())
        except InvalidTag:
            raise SealError("altered, or sealed for another purpose") from None


def _cipher(key: str) -> tuple[bytes, AESGCM]:
    derived = HKDF(
        algorithm=hashes.SHA256(), length=32, salt=None, info=b"parley key ring v1"
    ).derive(key.encode())
    return hashlib.sha256(b"key id" + derived).digest()[:_KEY_ID_BYTES], AESGCM(derived)
