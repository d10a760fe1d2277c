"""How much of its CPU time the process has left, so that niceties end before it is ended."""

import resource
import time
from typing import Final

_UNLIMITED: Final = 60.0


def cpu_seconds_left() -> float:
    limit = resource.getrlimit(resource.RLIMIT_CPU)[0]
    if limit == resource.RLIM_INFINITY:
        return _UNLIMITED
    return max(0.0, limit - time.process_time())
