"""Encryption of every payload that Temporal stores: arguments, results, failures and summaries.

What gets smaller by it is compressed first, for histories have a limit.
"""

import zlib
from collections.abc import Sequence
from typing import Final

from google.protobuf.message import DecodeError
from temporalio.api.common.v1 import Payload
from temporalio.converter import PayloadCodec

from adapters.keyring import KeyRing, SealError

ENCODING: Final = b"binary/encrypted"
KEY_ID: Final = "encryption-key-id"
COMPRESSION: Final = "compression"
ZLIB: Final = b"zlib"
_CONTEXT: Final = "temporal payload"
_COMPRESSED_CONTEXT: Final = "temporal payload, zlib"
"""One of its own: what is compressed cannot be passed off as what is not, nor the reverse."""
_WORTHWHILE: Final = len(COMPRESSION) + len(ZLIB) + 8
"""Bytes that it takes to say so."""


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
            return Payload.FromString(self._unpacked(payload))
        except (SealError, DecodeError, zlib.error) as error:
            # The id may have been written by anybody: shown, never trusted.
            key_id = payload.metadata.get(KEY_ID, b"").decode("ascii", "replace")[:16]
            raise SealError(
                f"cannot decrypt a Temporal payload of key {key_id or 'unknown'}: {error}; "
                f"the newest key here is {self._key_ring.newest_key_id}"
            ) from None

    def _unpacked(self, payload: Payload) -> bytes:
        if payload.metadata.get(COMPRESSION) != ZLIB:
            return self._key_ring.open(payload.data, context=_CONTEXT)
        return zlib.decompress(self._key_ring.open(payload.data, context=_COMPRESSED_CONTEXT))

    def _seal(self, payload: Payload) -> Payload:
        metadata = {"encoding": ENCODING, KEY_ID: self._key_ring.newest_key_id.encode()}
        clear = payload.SerializeToString()
        packed = zlib.compress(clear)
        if len(packed) + _WORTHWHILE >= len(clear):
            return Payload(metadata=metadata, data=self._key_ring.seal(clear, context=_CONTEXT))
        return Payload(
            metadata={**metadata, COMPRESSION: ZLIB},
            data=self._key_ring.seal(packed, context=_COMPRESSED_CONTEXT),
        )
