"""What is started before it is used and closed after: `async with` does both."""

from types import TracebackType
from typing import Self


class Running:
    """Give it `start` and `close`; it becomes an asynchronous context manager."""

    async def start(self) -> None:
        raise NotImplementedError

    async def close(self) -> None:
        raise NotImplementedError

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()
