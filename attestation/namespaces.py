"""Whether a process sees files under names that mean the same to us.

A path is only as good as the mounts it is read through. Anybody may make a user namespace, in it
a mount namespace, and there bind any file to any path; but who may make a mount namespace that our
own user namespace owns is an administrator here, as systemd is when a unit has PrivateTmp.
"""

from __future__ import annotations

import os
from pathlib import Path

from accredit.attestation.kernel import owning_user_namespace
from accredit.attestation.process import Process


def has_honest_paths(process: Process) -> bool:
    """Whether nobody but an administrator of our user namespace arranged the mounts it sees.

    Raises:
        PermissionError: for the processes of other users it takes root or CAP_SYS_PTRACE.
    """
    ours = _identity_of("/proc/self/ns/user")
    if process.namespace("user") != ours:
        return False
    if process.namespace("mnt") == _identity_of("/proc/self/ns/mnt"):
        return True
    return _owner_of_mounts(process) == ours


def _owner_of_mounts(process: Process) -> tuple[int, int] | None:
    mounts = process.open("ns/mnt")
    try:
        owner = owning_user_namespace(mounts)
    except PermissionError:
        return None  # above us: not for us to judge
    finally:
        os.close(mounts)
    try:
        found = os.fstat(owner)
    finally:
        os.close(owner)
    return found.st_dev, found.st_ino


def _identity_of(path: str) -> tuple[int, int]:
    found = Path(path).stat()
    return found.st_dev, found.st_ino
