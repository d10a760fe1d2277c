"""What goes in and out of the roll-up of usage."""

from datetime import datetime

from contracts.model import Contract


class RollUpUsage(Contract):
    """Input of the workflow `RollUpUsage`: nothing, but for what a run hands to the next."""

    until: datetime | None = None
    """Roll the quarters before this up; None: those that are final when it starts."""
    after: str = ""
    """Organisations up to this id have been seen to."""
    rolled: int = 0
    failed: int = 0
    quarters: int = 0
    pages_per_run: int = 200
    """Then it continues as new: 20,000 organisations, some thousand events."""


class RollUpPage(Contract):
    """The next organisations that have quarters before `until` to roll up."""

    until: datetime
    after: str
    limit: int


class RolledUpPage(Contract):
    rolled: int
    failed: int
    """Organisations that could not be rolled up. They are tried again by the next run."""
    quarters: int
    next_after: str | None
    """Where the next page begins; None: this was the last one."""
