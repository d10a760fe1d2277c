"""The simulator's time: the machine's, plus what a test has skipped."""

import time

from local.simulator.storage.database import Database


class Clock:
    """Unix seconds. Skipped time survives a restart, so that nothing seems to go backwards."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._skipped = float(database.fact("skipped_seconds") or 0)

    @property
    def skipped_seconds(self) -> float:
        return self._skipped

    def now(self) -> float:
        return time.time() + self._skipped

    def skip(self, seconds: float) -> None:
        self._skipped += seconds
        self._database.remember("skipped_seconds", repr(self._skipped))
