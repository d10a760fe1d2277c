"""Tool calls put together from what servers stream, each in its own way."""

from dataclasses import dataclass

from openai.types.chat.chat_completion_chunk import ChoiceDeltaToolCall
from pydantic_core import from_json

from domain.model_tools import ToolCall


@dataclass
class _Pieces:
    id: str | None
    name: str = ""
    arguments: str = ""

    @property
    def is_whole(self) -> bool:
        try:
            from_json(self.arguments)
        except ValueError:
            return False
        return True


class StreamedToolCalls:
    """The calls of one answer.

    OpenAI numbers them (`index`) and gives name and id with the first piece only. Compatible
    servers leave the number out, give every call the same, or repeat name and id in each piece.
    """

    def __init__(self) -> None:
        self._calls: list[_Pieces] = []
        self._by_index: dict[int | None, _Pieces] = {}

    def add(self, delta: ChoiceDeltaToolCall) -> int:
        """Take a piece in; how many characters it has."""
        # The SDK does not validate what it streams: any attribute may be missing.
        index: int | None = getattr(delta, "index", None)
        function = getattr(delta, "function", None)
        name = getattr(function, "name", None) or ""
        arguments = getattr(function, "arguments", None) or ""
        call = self._by_index.get(index)
        if call is None or self._begins_another(call, delta.id, name):
            call = self._by_index[index] = _Pieces(id=delta.id or None)
            self._calls.append(call)
        call.name = call.name or name
        call.arguments += arguments
        return len(name) + len(arguments)

    @staticmethod
    def _begins_another(call: _Pieces, call_id: str | None, name: str) -> bool:
        if call_id and call.id:
            return call_id != call.id
        return bool(name and call.name) and (name != call.name or call.is_whole)

    def calls(self) -> tuple[ToolCall, ...]:
        """Those that have a name, in the order in which they began."""
        return tuple(
            ToolCall(name=call.name, arguments=call.arguments) for call in self._calls if call.name
        )
