"""Which pod a caller's cgroup puts it in.

Nobody but root could have made the directories, which leaves roots of containers to think of: one
who may write to the cgroups of the host could make ``podY/<id of Y's container>`` below his own. So
what counts is the pod and the container that come first below ``kubepods``, which only the kubelet
and its runtime make, and a container within that container is nobody's.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from accredit.attestation.cgroups.locate import Locator, of_a_user
from accredit.attestation.kubernetes.pod_list import Place
from accredit.attestation.process import Process
from accredit.identity.errors import AttestationError

# By cgroupfs it is "kubepods", by systemd "kubepods.slice" and "kubepods-burstable.slice"; there is
# something before it where the kubelet has a --cgroup-root, as in kind.
_KUBEPODS = re.compile(r"(?:[\w.]+-)*kubepods(?:-[a-z]+)*(?:\.slice)?", re.ASCII)
# A uuid, or the MD5 sum that a static pod has for one. The kubelet writes underscores in slices.
_POD = re.compile(
    r"(?:[\w.-]+-)?pod([0-9a-f]{8}(?:[-_]?[0-9a-f]{4}){3}[-_]?[0-9a-f]{12})(?:\.slice)?", re.ASCII
)
_CONTAINER = re.compile(r"(?:[a-z-]+-)?([0-9a-f]{64})(?:\.scope)?", re.ASCII)


def locate(process: Process, locator: Locator) -> Place | None:
    """Return which container of a pod ``process`` is in; None if it is in no pod.

    Raises:
        AttestationError: its cgroups contradict each other, cannot be judged from here, or could
            have been made by somebody else than root.
        UnavailableError: they changed meanwhile.
    """
    located = locator.locate(process)
    place = place_in_pod(located.container.folders.values()) if located else None
    if located is None or place is None:
        return None
    if located.owner:
        raise AttestationError(of_a_user(located))
    return place


def place_in_pod(paths: Iterable[str]) -> Place | None:
    """Return where the cgroups at ``paths``, one for each hierarchy, put a process.

    None if they are not below ``kubepods``, or below it and in no container.

    Raises:
        AttestationError: it is in a container within a pod's container, or they disagree.
    """
    places = {place for place in map(_place, paths) if place is not None}
    if len(places) > 1:
        raise AttestationError("the caller's cgroups name different pods or containers")
    return next(iter(places), None)


def _place(path: str) -> Place | None:
    below = _below_kubepods(path.split("/"))
    pod_uid, container_id = None, None
    for segment in below:
        container = _CONTAINER.fullmatch(segment)
        if container and container_id is not None and container[1] != container_id:
            raise AttestationError("the caller is in a container within its pod's container")
        if container:
            container_id = container[1]
        elif container_id is None and pod_uid is None:
            pod_uid = _uid(segment)
    return Place(container_id, pod_uid) if container_id else None


def _below_kubepods(segments: list[str]) -> Iterator[str]:
    rest = iter(segments)
    for segment in rest:
        if _KUBEPODS.fullmatch(segment):
            yield from rest


def _uid(segment: str) -> str | None:
    found = _POD.fullmatch(segment)
    return found[1] if found else None
