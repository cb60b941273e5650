"""Whose word a selector is: what an operator has to trust before an entry rests on it."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from accredit.identity.selector import Selector


class Trust(StrEnum):
    """Who could make a selector say something false, the strongest first."""

    KERNEL = "kernel"
    """Nobody but the kernel."""
    ROOT_OWNED = "root-owned"
    """Root, who alone may write where it was read."""
    RUNTIME = "runtime"
    """A daemon that runs as root, and who may command it."""
    WORKLOAD = "workload-controlled"
    """The workload itself, or the user who started it."""


_KINDS: Mapping[str, Trust] = {
    "unix:uid": Trust.KERNEL,
    "unix:gid": Trust.KERNEL,
    "unix:supplementary_gid": Trust.KERNEL,
    "unix:user": Trust.ROOT_OWNED,
    "unix:group": Trust.ROOT_OWNED,
    "unix:supplementary_group": Trust.ROOT_OWNED,
    # Whoever may start the program may also debug it (see the unix attestor).
    "unix:path": Trust.WORKLOAD,
    "unix:sha256": Trust.WORKLOAD,
    "docker": Trust.RUNTIME,
    # A user's own Podman says what that user likes.
    "podman-user": Trust.WORKLOAD,
    # The kubelet's word, and so of whoever may create pods in that namespace.
    "k8s": Trust.RUNTIME,
    # What the configuration's owner declared.
    "output": Trust.ROOT_OWNED,
}


def trust(selector: Selector) -> Trust:
    """Return whose word it is; of a type that is not ours, the workload's."""
    kind = f"{selector.type}:{selector.value.partition(':')[0]}"
    return _KINDS.get(kind) or _KINDS.get(selector.type, Trust.WORKLOAD)
