import pytest
from hypothesis import given
from hypothesis import strategies as st
from temporalio.api.common.v1 import Payload

from adapters.keyring import KeyRing, SealError
from adapters.temporal.codec import EncryptionCodec

OLD_KEY, NEW_KEY = "o" * 32, "n" * 32

payloads = st.builds(
    Payload,
    metadata=st.dictionaries(st.text(max_size=9), st.binary(max_size=9), max_size=3),
    data=st.binary(max_size=200),
).filter(lambda payload: payload.metadata.get("encoding") != b"binary/encrypted")


def codec(*keys: str) -> EncryptionCodec:
    return EncryptionCodec(KeyRing(keys))


@given(st.lists(payloads, min_size=1, max_size=3))
async def test_payloads_come_back_and_clear_ones_pass(clear: list[Payload]) -> None:
    sealed = await codec(OLD_KEY).encode(clear)

    assert await codec(NEW_KEY, OLD_KEY).decode(sealed) == clear
    assert await codec(NEW_KEY).decode(clear) == clear
    assert all(payload.metadata["encoding"] == b"binary/encrypted" for payload in sealed)


async def test_what_is_long_and_repeats_itself_is_compressed() -> None:
    long, short = Payload(data=b'{"conversation": "one"}' * 20), Payload(data=b"[1,2,3]")

    sealed = await codec(NEW_KEY).encode([long, short])

    assert len(sealed[0].data) < len(long.data) / 2
    assert [payload.metadata.get("compression") for payload in sealed] == [b"zlib", None]
    assert await codec(NEW_KEY).decode(sealed) == [long, short]


async def test_what_was_sealed_before_there_was_compression_is_opened() -> None:
    clear = Payload(metadata={"encoding": b"json/plain"}, data=b'{"conversation": "one"}' * 20)
    ring = KeyRing([NEW_KEY])
    before = Payload(
        metadata={
            "encoding": b"binary/encrypted",
            "encryption-key-id": ring.newest_key_id.encode(),
        },
        data=ring.seal(clear.SerializeToString(), context="temporal payload"),
    )

    assert await codec(NEW_KEY).decode([before]) == [clear]


@pytest.mark.parametrize("claimed", [True, False])
async def test_what_is_told_wrongly_of_compression_is_refused(claimed: bool) -> None:
    data = b"[1,2,3]" if claimed else b'{"conversation": "one"}' * 20
    (sealed,) = await codec(NEW_KEY).encode([Payload(data=data)])
    if claimed:
        sealed.metadata["compression"] = b"zlib"
    else:
        del sealed.metadata["compression"]

    with pytest.raises(SealError, match="cannot decrypt"):
        await codec(NEW_KEY).decode([sealed])


@given(st.integers(min_value=0), st.integers(min_value=1, max_value=255))
async def test_an_altered_payload_is_refused(position: int, flip: int) -> None:
    (sealed,) = await codec(NEW_KEY).encode([Payload(data=b"ten euros")])
    altered = bytearray(sealed.data)
    altered[position % len(altered)] ^= flip
    sealed.data = bytes(altered)

    with pytest.raises(SealError):
        await codec(NEW_KEY).decode([sealed])


@pytest.mark.parametrize("data", [b"", b"\x01", b"x" * 40])
async def test_what_only_claims_to_be_encrypted_is_refused(data: bytes) -> None:
    metadata = {"encoding": b"binary/encrypted", "encryption-key-id": b"\xff" * 99}
    with pytest.raises(SealError, match="cannot decrypt"):
        await codec(NEW_KEY).decode([Payload(metadata=metadata, data=data)])
