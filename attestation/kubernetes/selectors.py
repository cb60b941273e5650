"""From a pod and the container a caller runs in to selectors, in SPIRE's spelling. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from accredit.attestation.kubernetes.pod import Container, Pod
from accredit.identity.selector import Selector

_MOST = 4096

_Fact = tuple[str, str]


def selectors(pod: Pod, container: Container | None) -> frozenset[Selector]:
    """Return what is to be said of a caller in ``container`` of ``pod``, or of the pod alone.

    An image goes by two names, as asked for and as resolved; the latter alone cannot be moved to
    another image by who pushes to the registry.

    Raises:
        SelectorError: a fact is too long to be one.
        ValueError: there are too many.
    """
    facts = [*_of_pod(pod), *(_of_container(container) if container else ())]
    # What is empty says nothing, and is never what an entry asks for.
    return _bounded(f"{kind}:{value}" for kind, value in facts if value)


def namespace_selectors(labels: Mapping[str, str]) -> frozenset[Selector]:
    """Return what the labels of a caller's namespace say of it; raises as ``selectors`` does."""
    return _bounded(f"ns-label:{key}:{value}" for key, value in labels.items())


def _of_pod(pod: Pod) -> Iterator[_Fact]:
    yield "ns", pod.namespace
    yield "sa", pod.service_account
    yield "node-name", pod.node_name
    yield "pod-uid", pod.uid
    yield "pod-name", pod.name
    for key, value in pod.labels.items():
        yield "pod-label", f"{key}:{value}"
    for owner in pod.owners:
        yield "pod-owner", f"{owner.kind}:{owner.name}"
        yield "pod-owner-uid", f"{owner.kind}:{owner.uid}"
    yield "pod-image-count", str(len(pod.containers))
    yield "pod-init-image-count", str(len(pod.init_containers))
    yield from _images("pod-image", pod.containers)
    yield from _images("pod-init-image", pod.init_containers)


def _of_container(container: Container) -> Iterator[_Fact]:
    yield "container-name", container.name
    yield from _images("container-image", [container])


def _images(kind: str, containers: Iterable[Container]) -> Iterator[_Fact]:
    for each in containers:
        yield kind, each.image
        yield kind, each.image_id


def _bounded(values: Iterable[str]) -> frozenset[Selector]:
    found = frozenset(Selector("k8s", value) for value in values)
    if len(found) > _MOST:
        raise ValueError(f"{len(found)} facts about one pod, more than {_MOST}")
    return found
