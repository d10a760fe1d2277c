"""Read receipts: beside the replies, never in their way. Whether they work decides nothing."""

from temporalio import workflow

from workflows import conversation_steps as steps

with workflow.unsafe.imports_passed_through():
    from contracts.conversation import MarkRead, Turn


class ReadReceipts:
    def __init__(self) -> None:
        self._open: list[workflow.ActivityHandle[None]] = []

    @property
    def are_done(self) -> bool:
        """A run that ends takes its open activities with it."""
        return all(receipt.done() for receipt in self._open)

    def start(self, turn: Turn, whatsapp_message_id: str, *, typing: bool) -> None:
        """Mark a message as read, and all before it.

        Args:
            typing: only while a model writes. A prepared text can be there first, and the indicator
                would then stay for its 25 seconds.
        """
        receipt = steps.start_mark_read(
            MarkRead(turn=turn, whatsapp_message_id=whatsapp_message_id, typing=typing)
        )
        receipt.add_done_callback(lambda done: done.cancelled() or done.exception())
        self._open = [receipt, *(earlier for earlier in self._open if not earlier.done())]
