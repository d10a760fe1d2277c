"""What `parley run` shows: a live table of the parts while they start, then plain sentences."""

import time
from collections.abc import Callable
from typing import Literal, Self

from rich.console import Console
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

State = Literal["waiting", "starting", "up", "failed"]
REFRESHES_PER_SECOND = 8


class StartDisplay:
    """Reports on the parts: a live table on a terminal, a line per event anywhere else.

    Use it as a context manager around the start; afterwards it goes on as plain sentences.
    """

    def __init__(self, console: Console, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._console = console
        self._clock = clock
        self._states: dict[str, State] = {}
        self._since: dict[str, float] = {}
        self._seconds: dict[str, float] = {}
        self._spinner = Spinner("dots")
        self._live: Live | None = None

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._live = Live(
                get_renderable=self._table,
                console=self._console,
                refresh_per_second=REFRESHES_PER_SECOND,
                transient=False,
            )
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None

    def waiting(self, name: str) -> None:
        self._states[name] = "waiting"

    def starting(self, name: str) -> None:
        self._states[name] = "starting"
        self._since[name] = self._clock()

    def up(self, name: str, *, seconds: float) -> None:
        first = self._seconds.setdefault(name, seconds) == seconds
        self._states[name] = "up"
        if first and not self._console.is_terminal:
            self.say(f"{name} is up after {seconds:.1f} s")

    def failed(self, name: str) -> None:
        self._states[name] = "failed"

    def say(self, sentence: str) -> None:
        """One line; above the live table while there is one."""
        self._console.print(Text(sentence), soft_wrap=True)

    def _table(self) -> Table:
        table = Table(box=None, show_header=False, padding=(0, 1))
        for name, state in self._states.items():
            match state:
                case "waiting":
                    row = (Text("·", style="dim"), Text(name, style="dim"), Text(""))
                case "starting":
                    elapsed = self._clock() - self._since[name]
                    table.add_row(self._spinner, name, Text(f"{elapsed:4.1f} s", style="dim"))
                    continue
                case "up":
                    elapsed = self._seconds[name]
                    row = (
                        Text("✓", style="green"),
                        Text(name),
                        Text(f"{elapsed:4.1f} s", style="dim"),
                    )
                case "failed":
                    row = (Text("✗", style="red"), Text(name, style="red"), Text(""))
            table.add_row(*row)
        return table
