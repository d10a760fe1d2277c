"""Starts a program that cannot outlive its parent.

Run as a script by its path, without the site packages (`python -I -S`), so that it costs
milliseconds. It replaces itself with the program, so the process id stays the same:

    child.py <parent pid> <signal number> <user or -> <command> [argument]…
"""

import os
import signal
import sys
import time

PR_SET_PDEATHSIG = 1
"""prctl(2): the signal that the kernel sends to this process when its parent dies."""

POLL_SECONDS = 0.5


def main() -> None:
    parent, death_signal = int(sys.argv[1]), signal.Signals(int(sys.argv[2]))
    user, command = sys.argv[3], sys.argv[4:]
    if sys.platform == "linux":
        # Imported before the change of user, who may not be allowed to read our Python.
        import ctypes

        libc = ctypes.CDLL(None, use_errno=True)
    if user != "-":
        _become(user)
    if sys.platform == "linux":
        # Set after the change of user: the kernel forgets it when credentials change.
        if libc.prctl(PR_SET_PDEATHSIG, death_signal) != 0:
            raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG) failed")
        if os.getppid() != parent:
            sys.exit("the parent was gone before the program could start")
    else:
        _leave_watcher(parent=parent, death_signal=death_signal)
    os.execvp(command[0], command)  # noqa: S606 - the supervisor chose the command, no shell involved


def _become(user: str) -> None:
    import pwd

    entry = pwd.getpwnam(user)
    os.setgroups([])
    os.setgid(entry.pw_gid)
    os.setuid(entry.pw_uid)


def _leave_watcher(*, parent: int, death_signal: signal.Signals) -> None:
    """Where the kernel has no such signal (macOS): a grandchild that polls both processes."""
    program = os.getpid()
    middle = os.fork()
    if middle != 0:
        os.waitpid(middle, 0)
        return
    if os.fork() != 0:
        os._exit(0)
    while _exists(parent) and _exists(program):
        time.sleep(POLL_SECONDS)
    if _exists(program):
        os.kill(program, death_signal)
    os._exit(0)


def _exists(process_id: int) -> bool:
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


if __name__ == "__main__":
    main()
