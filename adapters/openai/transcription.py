"""What a recording says, in the language in which it is said, from an OpenAI-compatible server."""

import math
from typing import Final

import httpx2
from openai import APIError, AsyncOpenAI
from openai.types.audio.transcription import UsageDuration, UsageTokens
from pydantic import BaseModel, ConfigDict

from adapters.openai.chat import ModelServer
from adapters.openai.errors import ModelServerError, model_server_error

TIMEOUT: Final = httpx2.Timeout(120, connect=5)
"""16 MB of voice are hours; a server needs some seconds for each minute of them."""

MOST_CHARACTERS: Final = 16_384
"""Kept of a transcript: as many as of a text that somebody types."""

_FILE_NAMES: Final = {
    "audio/ogg": "recording.ogg",
    "audio/mpeg": "recording.mp3",
    "audio/mp4": "recording.m4a",
    "audio/wav": "recording.wav",
    "audio/webm": "recording.webm",
    "audio/aac": "recording.aac",
    "audio/amr": "recording.amr",
    "audio/3gpp": "recording.3gp",
}
"""Servers tell the format by the name's ending (OpenAI, "Create transcription": `file`)."""


class Transcript(BaseModel):
    """What was said; empty when nothing was. A server tells tokens, seconds or neither."""

    model_config = ConfigDict(frozen=True)

    text: str
    model: str
    input_tokens: int = 0
    output_tokens: int = 0
    seconds: int = 0
    """Of the recording, begun ones counted whole."""


class Transcriptions:
    """Asks one model. Retries are the caller's, Temporal's. Close it where it was opened."""

    def __init__(self, default: ModelServer, *, model: str, is_separate: bool = False) -> None:
        """
        Args:
            default: the platform's server.
            is_separate: another one than the chat models'; only organisations with a server of
                their own do not use it.
        """
        self.default = default
        self.is_separate = is_separate
        self._model = model
        self._client = AsyncOpenAI(
            api_key=default.key, base_url=default.base_url, max_retries=0, timeout=TIMEOUT
        )

    async def close(self) -> None:
        await self._client.close()

    async def transcribe(
        self, recording: bytes, *, mime_type: str, server: ModelServer | None = None
    ) -> Transcript:
        """The words of a recording, not translated.

        Args:
            server: an organisation's own; None: the platform's.

        Raises:
            ModelServerError: with what went wrong in a sentence, and whether to try again.
        """
        client = self._client
        if server is not None and server != self.default:
            client = client.with_options(base_url=server.base_url, api_key=server.key)
        name = _FILE_NAMES.get(mime_type, "recording")
        try:
            answer = await client.audio.transcriptions.create(
                file=(name, recording, mime_type), model=self._model, response_format="json"
            )
        except APIError as error:
            raise model_server_error(error) from error
        except httpx2.HTTPError as error:
            raise ModelServerError(
                "The model server broke off in the middle of its answer.", retryable=True
            ) from error
        # The SDK builds its answer from whatever came, without looking at it.
        text = getattr(answer, "text", None)
        if not isinstance(text, str):
            raise ModelServerError("The model server's answer could not be read.", retryable=True)
        return self._transcript(text, getattr(answer, "usage", None))

    def _transcript(self, text: str, usage: object) -> Transcript:
        text = text.strip()[:MOST_CHARACTERS]
        match usage:
            case UsageTokens(input_tokens=int(given), output_tokens=int(made)):
                return Transcript(
                    text=text, model=self._model, input_tokens=given, output_tokens=made
                )
            case UsageDuration(seconds=int() | float() as seconds) if math.isfinite(seconds):
                return Transcript(text=text, model=self._model, seconds=math.ceil(seconds))
        return Transcript(text=text, model=self._model)
