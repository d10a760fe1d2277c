"""What client, worker and replayer must have alike: one plugin, so that they cannot drift apart."""

import dataclasses

from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.converter import DataConverter, DefaultFailureConverterWithEncodedAttributes
from temporalio.plugin import SimplePlugin

from adapters.keyring import KeyRing
from adapters.temporal.codec import EncryptionCodec
from adapters.temporal.interceptor import ActivityLogging, without_words_of_errors


def data_converter(key_ring: KeyRing) -> DataConverter:
    """Pydantic models as JSON, encrypted; messages and stack traces of failures encrypted too."""
    return dataclasses.replace(
        pydantic_data_converter,
        payload_codec=EncryptionCodec(key_ring),
        failure_converter_class=DefaultFailureConverterWithEncodedAttributes,
    )


def parley_plugin(key_ring: KeyRing) -> SimplePlugin:
    """Give it to `Client.connect`, whose workers inherit it, and to `Replayer`."""
    return SimplePlugin(
        "parley",
        data_converter=data_converter(key_ring),
        interceptors=[ActivityLogging()],
        run_context=without_words_of_errors,
    )
