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
    "linux:host": Trust.KERNEL,
    "linux:no_login": Trust.KERNEL,
    # Who may make cgroups and move processes to them, and who writes SELinux's policy.
    "linux:cgroup": Trust.ROOT_OWNED,
    "linux:selinux": Trust.ROOT_OWNED,
    "linux:selinux_type": Trust.ROOT_OWNED,
    # Anybody may make namespaces, and who is not confined yet takes any profile.
    "linux:container": Trust.WORKLOAD,
    "linux:apparmor": Trust.WORKLOAD,
    # What the system's manager says of a unit; who may start units has had root's leave.
    "systemd": Trust.RUNTIME,
    # A user's own manager starts what that user likes, under any name.
    "systemd-user": Trust.WORKLOAD,
    # What the configuration's owner declared.
    "output": Trust.ROOT_OWNED,
}


BUILT_IN = frozenset(kind.partition(":")[0] for kind in _KINDS)

_declared: dict[str, Trust] = {}


def declare(kind: str, note: Trust) -> None:
    """Say whose word the selectors of a plug-in's type are; ours are not for others to say.

    Raises:
        ValueError: the type is one of ours.
    """
    if kind in BUILT_IN:
        raise ValueError(f"{kind} is a type of accredit's own")
    _declared[kind] = note


def trust(selector: Selector) -> Trust:
    """Return whose word it is; of a type that nobody declared, the workload's."""
    kind = f"{selector.type}:{selector.value.partition(':')[0]}"
    known = _KINDS.get(kind) or _KINDS.get(selector.type)
    return known or _declared.get(selector.type, Trust.WORKLOAD)
