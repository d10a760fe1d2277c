"""Encryption of every payload that Temporal stores: arguments, results, failures and summaries."""

from collections.abc import Sequence
from typing import Final

from google.protobuf.message import DecodeError
from temporalio.api.common.v1 import Payload
from temporalio.converter import PayloadCodec

from adapters.keyring import KeyRing, SealError

ENCODING: Final = b"binary/encrypted"
KEY_ID: Final = "encryption-key-id"
_CONTEXT: Final = "temporal payload"


class EncryptionCodec(PayloadCodec):
    """Seals payloads with the newest key (AES-256-GCM) and opens those of any key of the ring.

    What is not encrypted is decoded to itself: histories from before, and what the server itself
    writes, stay readable.
    """

    def __init__(self, key_ring: KeyRing) -> None:
        self._key_ring = key_ring

    async def encode(self, payloads: Sequence[Payload]) -> list[Payload]:
        return [self._seal(payload) for payload in payloads]

    async def decode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """
        Raises:
            SealError: a payload was sealed with a key that is not in the ring, or was altered.
        """
        return [self.open(payload) for payload in payloads]

    def open(self, payload: Payload) -> Payload:
        """One payload as it was before it was encrypted."""
        if payload.metadata.get("encoding") != ENCODING:
            return payload
        try:
            return Payload.FromString(self._key_ring.open(payload.data, context=_CONTEXT))
        except (SealError, DecodeError) as error:
            # The id may have been written by anybody: shown, never trusted.
            key_id = payload.metadata.get(KEY_ID, b"").decode("ascii", "replace")[:16]
            raise SealError(
                f"cannot decrypt a Temporal payload of key {key_id or 'unknown'}: {error}; "
                f"the newest key here is {self._key_ring.newest_key_id}"
            ) from None

    def _seal(self, payload: Payload) -> Payload:
        sealed = self._key_ring.seal(payload.SerializeToString(), context=_CONTEXT)
        return Payload(
            metadata={"encoding": ENCODING, KEY_ID: self._key_ring.newest_key_id.encode()},
            data=sealed,
        )
