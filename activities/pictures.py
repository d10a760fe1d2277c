"""The pictures of a turn, for a model that looks at them."""

from collections.abc import Mapping, Sequence
from typing import Final

from temporalio import activity

from adapters.dynamodb.messages import StoredMessage
from adapters.objects.objects import Objects
from adapters.openai.errors import ModelServerError
from contracts.conversation import Turn
from contracts.ids import MessageId
from domain.prompt import PromptImage

MOST_PICTURES: Final = 5
MOST_BYTES: Final = 10 * 1024 * 1024
"""Of all pictures of a turn: they travel as text, a third larger, and servers limit requests."""

ATTEMPTS_WITH_PICTURES: Final = 2
"""A server or a store that fails over pictures does not keep the person from an answer."""

_REFUSALS: Final = frozenset({400, 404, 413, 415, 422, 501})
"""How servers say that a model does not see, or that it is too much for it."""


class Pictures:
    def __init__(self, objects: Objects, *, vision: bool) -> None:
        self._objects = objects
        self._vision = vision

    async def of(
        self, turn: Turn, messages: Sequence[StoredMessage]
    ) -> Mapping[MessageId, PromptImage]:
        """By message, the newest that there is room for; those of earlier turns are not shown."""
        if not self._vision or activity.info().attempt > ATTEMPTS_WITH_PICTURES:
            return {}
        ref, left = turn.conversation, MOST_BYTES
        shown: dict[MessageId, PromptImage] = {}
        for message in reversed(messages):
            file = message.file
            if file is None or message.reading is None or not message.reading.is_picture:
                continue
            left -= file.size_bytes
            if left < 0 or len(shown) == MOST_PICTURES:
                break
            content = await self._objects.get(
                ref.organization_id, file.sha256, person_id=ref.person_id
            )
            if content is not None:
                shown[message.id] = PromptImage(mime_type=file.mime_type, content=content)
        return shown


def may_be_about_pictures(error: ModelServerError) -> bool:
    """Whether the same request without pictures may be answered."""
    return error.status in _REFUSALS
