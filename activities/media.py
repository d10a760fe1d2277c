"""Has the files of a turn's messages fetched, kept and read, each once.

What is known of a file is written on its message as soon as it is: that it is stored, then how it
was read. A repetition, on whatever worker, goes on from there and pays for nothing twice.
"""

import asyncio
from dataclasses import dataclass
from typing import Final

from anyio import SpooledTemporaryFile
from temporalio import activity

from activities.failures import retry_as_told
from activities.heartbeats import heartbeating
from activities.profiles import model_server, profile_of
from activities.quotas import QuotaKeeper
from adapters.dynamodb.media import MessageMedia
from adapters.dynamodb.messages import MediaReading, StoredFile, StoredMessage
from adapters.objects.objects import Objects
from adapters.openai.errors import ModelServerError
from adapters.openai.transcription import Transcriptions
from adapters.parsing.document import Unreadable, UnreadableDocument
from adapters.parsing.parser import DocumentParser
from adapters.postgres.assistant_profiles import AssistantProfile, AssistantProfiles
from adapters.whatsapp.media import MediaDownloads, MediaNotFetched
from contracts.conversation import FetchedMedia, FetchMedia, MediaReference, Turn
from domain.media_types import LARGEST, MEDIA_KINDS, PICTURES, MediaKind
from domain.media_words import (
    MediaProblem,
    caption_of,
    not_understood,
    not_yet_understood,
    understood,
)
from telemetry import get_logger

AT_ONCE: Final = 4
"""Files of one turn that are worked on side by side."""

SPOOLED_BYTES: Final = 1024 * 1024
"""Of a file in memory; a larger one is on disk while it passes through."""

LARGEST_PARSED: Final = 32 * 1024 * 1024
"""Many people send files at once, and each is in memory: less than a knowledge base takes."""
MOST_DOCUMENT_CHARACTERS: Final = 20_000
GOES_ON: Final = "\n[the document goes on]"

_UNREADABLE: Final = {
    Unreadable.UNSUPPORTED: MediaProblem.UNSUPPORTED,
    Unreadable.PROTECTED: MediaProblem.PROTECTED,
    Unreadable.EMPTY: MediaProblem.EMPTY,
    Unreadable.SCANNED: MediaProblem.SCANNED,
    Unreadable.TOO_LARGE: MediaProblem.TOO_LARGE,
    Unreadable.BOMB: MediaProblem.TOO_LARGE,
    Unreadable.TOOK_TOO_LONG: MediaProblem.TOO_LARGE,
}
"""The others mean that it is damaged."""

_UNHEARD: Final = {
    400: MediaProblem.UNSUPPORTED,
    413: MediaProblem.TOO_LARGE,
    415: MediaProblem.UNSUPPORTED,
    422: MediaProblem.UNSUPPORTED,
}
"""By the server's answer; any other final one means that it does not transcribe, or not for us."""

_log = get_logger(__name__)


class _NotUnderstood(Exception):
    """It stays a placeholder, however often it is tried."""

    def __init__(self, problem: MediaProblem | None = None) -> None:
        super().__init__(problem)
        self.problem = problem


@dataclass(frozen=True)
class _Case:
    """One file to read."""

    turn: Turn
    profile: AssistantProfile
    message: StoredMessage
    media: MediaReference
    kind: MediaKind
    caption: str | None


class MediaActivities:
    """Implements `fetch_media`."""

    def __init__(
        self,
        *,
        profiles: AssistantProfiles,
        messages: MessageMedia,
        downloads: MediaDownloads,
        objects: Objects,
        parser: DocumentParser,
        transcriptions: Transcriptions,
        quotas: QuotaKeeper,
        vision: bool,
    ) -> None:
        self._profiles = profiles
        self._messages = messages
        self._downloads = downloads
        self._objects = objects
        self._parser = parser
        self._transcriptions = transcriptions
        self._quotas = quotas
        self._vision = vision

    @activity.defn(name="fetch_media")
    async def fetch_media(self, request: FetchMedia) -> FetchedMedia:
        """Fetch, store and read the files of a turn's messages; what is done is not done again.

        Raises:
            ApplicationError: something may succeed later. All that could be done is done; the last
                attempt does not raise it.
        """
        turn = request.turn
        async with heartbeating():
            messages = await self._messages.messages(turn.conversation, turn.message_ids)
            cases = [message for message in messages if message.type in MEDIA_KINDS]
            if not cases:
                return FetchedMedia()
            profile = await profile_of(turn, self._profiles)
            at_once = asyncio.Semaphore(AT_ONCE)

            async def read(message: StoredMessage) -> bool:
                async with at_once:
                    return await self._read_once(turn, profile, message)

            outcomes = await asyncio.gather(*map(read, cases), return_exceptions=True)
        failures = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
        if failures and not _is_last_attempt():
            raise failures[0]
        for failure in failures:
            _log.warning("file_not_read", error=type(failure).__name__)
        told = list(zip(cases, outcomes, strict=True))
        return FetchedMedia(
            understood=[message.id for message, outcome in told if outcome is True],
            failed=[
                message.id
                for message, outcome in told
                if outcome is not True and not _says_something(message)
            ],
        )

    async def _read_once(
        self, turn: Turn, profile: AssistantProfile, message: StoredMessage
    ) -> bool:
        """Whether the message's file was understood, now or before."""
        if message.reading is not None:
            return message.reading.understood
        media, kind = message.media, MEDIA_KINDS[message.type]
        assert media is not None  # noqa: S101 - only messages with one are asked for
        case = _Case(turn, profile, message, media, kind, caption_of(message.text, media))
        # Whatever becomes of this attempt, the transcript does not say less than is known.
        placeholder = not_yet_understood(kind, media, caption=case.caption)
        if message.text != placeholder:
            await self._messages.keep_placeholder(turn.conversation, message.id, placeholder)
        try:
            reading, said = await self._read(case)
        except _NotUnderstood as error:
            reading = MediaReading(understood=False, words=case.caption)
            text = not_understood(case.kind, media, problem=error.problem, caption=case.caption)
        else:
            text = understood(case.kind, media, said=said)
        await self._messages.keep_reading(turn.conversation, message.id, reading, text=text)
        return reading.understood

    async def _read(self, case: _Case) -> tuple[MediaReading, str | None]:
        """How it is read, and what the transcript quotes of it."""
        async with SpooledTemporaryFile[bytes](max_size=SPOOLED_BYTES) as spool:
            file, content = case.message.file, None
            if file is None:
                file = await self._store(case, spool)
                content = spool
            is_document = case.kind == "document"
            if file.animated:
                raise _NotUnderstood(MediaProblem.MOVES)
            if case.kind in ("image", "sticker") or (is_document and file.mime_type in PICTURES):
                return self._picture(case, file)
            if case.kind == "audio" or (is_document and file.mime_type.startswith("audio/")):
                return await self._recording(case, file, await self._bytes(case, file, content))
            if is_document and file.size_bytes > LARGEST_PARSED:
                raise _NotUnderstood(MediaProblem.TOO_LARGE)
            if is_document:
                return await self._document(case, await self._bytes(case, file, content))
            raise _NotUnderstood

    async def _store(self, case: _Case, spool: SpooledTemporaryFile[bytes]) -> StoredFile:
        ref = case.turn.conversation
        try:
            fetched = await self._downloads.fetch(
                case.media,
                kind=case.kind,
                phone_number_id=case.profile.phone_number_id,
                access_token=case.profile.access_token,
                into=spool,
            )
        except MediaNotFetched as error:
            _log.warning("media_not_fetched", problem=str(error.problem), kind=case.kind)
            if error.retryable:
                raise retry_as_told(error) from error
            raise _NotUnderstood(error.problem) from error
        file = StoredFile(
            sha256=fetched.sha256,
            mime_type=fetched.mime_type,
            size_bytes=fetched.size_bytes,
            animated=fetched.animated,
        )
        await spool.seek(0)
        await self._objects.put_file(
            ref.organization_id,
            spool,
            sha256=file.sha256,
            media_type=file.mime_type,
            person_id=ref.person_id,
        )
        await self._messages.keep_file(ref, case.message.id, file)
        return file

    async def _bytes(
        self, case: _Case, file: StoredFile, spool: SpooledTemporaryFile[bytes] | None
    ) -> bytes:
        if spool is not None:
            await spool.seek(0)
            return await spool.read()
        ref = case.turn.conversation
        content = await self._objects.get(ref.organization_id, file.sha256, person_id=ref.person_id)
        if content is None:
            raise _NotUnderstood(MediaProblem.GONE)
        return content

    def _picture(self, case: _Case, file: StoredFile) -> tuple[MediaReading, str | None]:
        if not self._vision:
            raise _NotUnderstood(MediaProblem.NO_EYES)
        if file.size_bytes > LARGEST["image"]:
            raise _NotUnderstood(MediaProblem.TOO_LARGE)
        return MediaReading(understood=True, is_picture=True, words=case.caption), case.caption

    async def _recording(
        self, case: _Case, file: StoredFile, content: bytes
    ) -> tuple[MediaReading, str | None]:
        if file.size_bytes > LARGEST["audio"]:
            raise _NotUnderstood(MediaProblem.TOO_LARGE)
        own = model_server(case.profile, self._transcriptions.default)
        if self._transcriptions.is_separate and case.profile.openai_base_url is None:
            own = None
        try:
            transcript = await self._transcriptions.transcribe(
                content, mime_type=file.mime_type, server=own
            )
        except ModelServerError as error:
            if error.retryable:
                raise retry_as_told(error) from error
            _log.warning("recording_not_transcribed", status=error.status, code=error.code)
            problem = _UNHEARD.get(error.status or 0, MediaProblem.NOBODY_LISTENS)
            raise _NotUnderstood(problem) from error
        tokens = transcript.input_tokens + transcript.output_tokens
        counted = self._quotas.count_tokens(case.turn, case.profile, tokens=tokens)
        if tokens or transcript.seconds:
            await self._messages.record_transcription(
                case.turn.conversation,
                case.message.id,
                model=transcript.model,
                input_tokens=transcript.input_tokens,
                output_tokens=transcript.output_tokens,
                seconds=transcript.seconds,
            )
        await counted
        if not transcript.text:
            raise _NotUnderstood(MediaProblem.NOTHING_HEARD)
        words = " ".join(filter(None, (case.caption, transcript.text)))
        return MediaReading(understood=True, words=words), words

    async def _document(self, case: _Case, content: bytes) -> tuple[MediaReading, str | None]:
        try:
            parsed = await self._parser.parse(content)
        except UnreadableDocument as error:
            problem = _UNREADABLE.get(error.reason, MediaProblem.DAMAGED)
            raise _NotUnderstood(problem) from error
        text = parsed.text
        if len(text) > MOST_DOCUMENT_CHARACTERS:
            text = text[:MOST_DOCUMENT_CHARACTERS] + GOES_ON
        return MediaReading(understood=True, words=case.caption, text=text), case.caption


def _is_last_attempt() -> bool:
    info = activity.info()
    most = info.retry_policy.maximum_attempts if info.retry_policy else 0
    return 0 < most <= info.attempt


def _says_something(message: StoredMessage) -> bool:
    """Whether there are words with the file, which can be answered without it."""
    if message.reading is not None:
        return bool(message.reading.words)
    return message.media is not None and caption_of(message.text, message.media) is not None
