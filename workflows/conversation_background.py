"""What runs beside the turns and is never in their way: whether it works decides nothing."""

from typing import Any, TypeVar

from temporalio import workflow

from workflows import conversation_steps as steps

with workflow.unsafe.imports_passed_through():
    from contracts.conversation import MarkRead, RefreshedMemory, RefreshMemory, Turn

T = TypeVar("T")


class Background:
    def __init__(self) -> None:
        self._open: list[workflow.ActivityHandle[Any]] = []
        self._remembering: workflow.ActivityHandle[RefreshedMemory] | None = None

    @property
    def is_done(self) -> bool:
        """A run that ends takes its open activities with it."""
        return all(activity.done() for activity in self._open)

    def mark_read(self, turn: Turn, whatsapp_message_id: str, *, typing: bool) -> None:
        """Mark a message as read, and all before it.

        Args:
            typing: only while a model writes. A prepared text can be there first, and the indicator
                would then stay for its 25 seconds.
        """
        self._keep(
            steps.start_mark_read(
                MarkRead(turn=turn, whatsapp_message_id=whatsapp_message_id, typing=typing)
            )
        )

    def read_files(self, turn: Turn) -> None:
        """Have files read that only a human answers."""
        self._keep(steps.start_fetching(turn))

    @property
    def is_remembering(self) -> bool:
        """Two that remember at once would pay twice, and one of them write nothing."""
        return self._remembering is not None and not self._remembering.done()

    def refresh_memory(self, request: RefreshMemory) -> None:
        """Bring summary and facts up to date."""
        self._remembering = self._keep(steps.start_refreshing(request))

    def _keep(self, activity: workflow.ActivityHandle[T]) -> workflow.ActivityHandle[T]:
        activity.add_done_callback(lambda done: done.cancelled() or done.exception())
        self._open = [activity, *(earlier for earlier in self._open if not earlier.done())]
        return activity
