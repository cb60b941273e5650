"""Becomes Envoy, after it has asked the kernel to kill it when its supervisor dies.

A program of its own, run as ``python -I -S launcher.py SUPERVISOR_PID ENVOY ARGUMENT...``: the
request belongs between fork and exec, where threads of the supervisor could leave locks taken.
Here there is one thread and nothing is shared. SIGKILL, because a terminated Envoy takes its
parent of a hot restart along, and because nothing may be left.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def main(supervisor: int, command: list[str]) -> None:
    """Replace this process by ``command``."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl")
    if os.getppid() != supervisor:
        return  # it died before the kernel knew
    for number in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)  # Python ignores them, and that would be inherited
    # Would end an Envoy that has not yet said what it does about it.
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    os.execv(command[0], command)  # noqa: S606  the point


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
