"""Whether a caller is on the host or in a container: in which namespaces it lives."""

from __future__ import annotations

from pathlib import Path

from accredit.attestation.evidence import Evidence
from accredit.attestation.process import Process
from accredit.identity.selector import Selector

_KINDS = ("pid", "mnt", "user")
_HOST = Selector("linux", "host")
_CONTAINER = Selector("linux", "container")


def place(process: Process) -> Evidence:
    """Return ``host``, ``container``, or neither for what lies between, such as a PrivateTmp.

    On the host is who has the pid, mount and user namespaces of process 1; an agent that may not
    see those takes its own for it. In a container is who has another pid namespace. Nobody gets
    back out of a namespace without root's help, and everybody may make one: only ``host`` proves
    something by itself.
    """
    try:
        same = {kind: process.namespace(kind) == _of_host(kind) for kind in _KINDS}
    except PermissionError:
        return _unknown("seeing the namespaces of other users takes root or CAP_SYS_PTRACE")
    except OSError as error:
        return _unknown(f"cannot see namespaces: {error}")
    if all(same.values()):
        return Evidence(frozenset({_HOST}))
    return Evidence(frozenset() if same["pid"] else frozenset({_CONTAINER}))


def _of_host(kind: str) -> tuple[int, int]:
    # A service manager gives the agent mounts of its own, so ours are second best.
    try:
        found = Path(f"/proc/1/ns/{kind}").stat()
    except OSError:
        found = Path(f"/proc/self/ns/{kind}").stat()
    return found.st_dev, found.st_ino


def _unknown(why: str) -> Evidence:
    return Evidence(frozenset(), {str(_HOST): why})
