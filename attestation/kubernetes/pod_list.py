"""The kubelet's list of the pods on this node, and which of them a container belongs to. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

from accredit.attestation.kubernetes.pod import Container, Pod, read_pod
from accredit.identity.errors import AttestationError, UnavailableError


class Place(NamedTuple):
    """Which container a caller is in, and which pod, by its cgroup; either may not show there."""

    container_id: str
    pod_uid: str | None


class Found(NamedTuple):
    """The pod of a caller, and its container there, unless only the pod is known."""

    pod: Pod
    container: Container | None


class PodList:
    """What one answer held. ``broken`` says what is wrong with the pods that cannot be read."""

    __slots__ = ("_by_container", "_by_uid", "_ephemeral", "broken")

    def __init__(self, items: Iterable[object] = ()) -> None:
        self.broken: list[str] = []
        self._by_container: dict[str, list[Found]] = defaultdict(list)
        self._by_uid: dict[str, Pod] = {}
        self._ephemeral: set[str] = set()
        for each in items:
            self.add(each)

    def add(self, item: object) -> None:
        """Take in one more item; one that cannot be read costs nobody else."""
        try:
            pod = read_pod(item)
        except ValueError as error:
            self.broken.append(str(error))
            return
        self._by_uid[plain_uid(pod.uid)] = pod
        for each in (*pod.containers, *pod.init_containers):
            if each.id:
                self._by_container[each.id].append(Found(pod, each))
        self._ephemeral.update(each.id for each in pod.ephemeral_containers if each.id)

    def find(self, place: Place) -> Found | None:
        """Return whose container it is, or None if the list does not have it (yet).

        Raises:
            AttestationError: it is an ephemeral one, or its pod is not the one the cgroup names.
            UnavailableError: several pods claim it.
        """
        found = self._by_container.get(place.container_id, [])
        if len(found) > 1:
            raise UnavailableError("the kubelet lists the caller's container in two places")
        if found:
            return _checked(found[0], place)
        if place.container_id in self._ephemeral:
            # As in SPIRE: whoever may debug a pod is not its workload.
            raise AttestationError("the caller is in an ephemeral container, which has no identity")
        return None

    def pod(self, uid: str) -> Pod | None:
        """Return the pod of which a cgroup shows ``uid``."""
        return self._by_uid.get(plain_uid(uid))


def plain_uid(uid: str) -> str:
    """Return a pod's uid without what a cgroup manager changes in it.

    The systemd one writes underscores for dashes, and that of a static pod, a hash, has neither.
    """
    return uid.replace("-", "").replace("_", "").lower()


def _checked(found: Found, place: Place) -> Found:
    if place.pod_uid is not None and plain_uid(place.pod_uid) != plain_uid(found.pod.uid):
        raise AttestationError("the caller's cgroup names another pod than the one it belongs to")
    return found
