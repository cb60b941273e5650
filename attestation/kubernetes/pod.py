"""A pod as the kubelet lists it, cut down to what an identity may rest on. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Container:
    """One container of a pod, as its status has it; ``id`` is empty until it was created.

    ``image`` is what the pod asked for, ``image_id`` what the runtime made of it.
    """

    id: str
    name: str
    image: str
    image_id: str


@dataclass(frozen=True, slots=True)
class Owner:
    """Which object keeps a pod there, such as a ReplicaSet."""

    kind: str
    name: str
    uid: str


@dataclass(frozen=True, slots=True)
class Pod:
    """One pod of this node."""

    uid: str
    name: str
    namespace: str
    labels: Mapping[str, str]
    owners: tuple[Owner, ...]
    service_account: str
    node_name: str
    containers: tuple[Container, ...]
    init_containers: tuple[Container, ...]
    ephemeral_containers: tuple[Container, ...]


def read_pod(value: object) -> Pod:
    """Return the pod that an item of a ``PodList`` describes.

    Raises:
        ValueError: it is none; the message names the field.
    """
    pod = _object(value, "pod")
    metadata = _object(pod.get("metadata"), "metadata")
    spec, status = (_object(pod.get(each) or {}, each) for each in ("spec", "status"))
    if not metadata.get("uid"):
        raise ValueError("metadata.uid is missing")
    return Pod(
        uid=_text(metadata, "uid"),
        name=_text(metadata, "name"),
        namespace=_text(metadata, "namespace"),
        labels=read_labels(metadata),
        owners=tuple(map(_owner, _objects(metadata, "ownerReferences"))),
        service_account=_text(spec, "serviceAccountName"),
        node_name=_text(spec, "nodeName"),
        containers=tuple(_containers(status, "containerStatuses")),
        init_containers=tuple(_containers(status, "initContainerStatuses")),
        ephemeral_containers=tuple(_containers(status, "ephemeralContainerStatuses")),
    )


def read_labels(metadata: object) -> Mapping[str, str]:
    """Return the labels of an object by its ``metadata``; raise ValueError if they are none."""
    labels = _object(_object(metadata, "metadata").get("labels") or {}, "labels")
    return {key: _text(labels, key) for key in labels}


def _owner(value: Mapping[str, Any]) -> Owner:
    return Owner(_text(value, "kind"), _text(value, "name"), _text(value, "uid"))


def _containers(status: Mapping[str, Any], field: str) -> Iterator[Container]:
    for each in _objects(status, field):
        # containerd://0a1b..., docker://..., cri-o://...
        container_id = _text(each, "containerID").rpartition("//")[2]
        image, image_id = _text(each, "image"), _text(each, "imageID")
        yield Container(container_id, _text(each, "name"), image, image_id)


def _objects(value: Mapping[str, Any], field: str) -> list[dict[str, Any]]:
    found = value.get(field) or []
    if not isinstance(found, list):
        raise ValueError(f"{field} is not a list")  # noqa: TRY004  the text is wrong, not a type
    return [_object(each, field) for each in found]


def _object(value: object, field: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"{field} is not an object")  # noqa: TRY004  the text is wrong, not a type
    return value


def _text(value: Mapping[str, Any], field: str) -> str:
    found = value.get(field)
    if found is None:
        return ""
    if not isinstance(found, str):
        raise ValueError(f"{field[:100]} is not text")  # noqa: TRY004  the text is wrong, not a type
    if not found.isascii() and any("\ud800" <= each <= "\udfff" for each in found):
        raise ValueError(f"{field[:100]} holds half a surrogate pair")
    return found
