"""Pods as the kubelet lists them, of which a test says what matters to it."""

from __future__ import annotations

import json
from typing import Any

ID_A, ID_B, ID_C = "a1" * 32, "b2" * 32, "c3" * 32
UID_A, UID_B = "0a1b2c3d-0000-4000-8000-00000000000a", "0a1b2c3d-0000-4000-8000-00000000000b"
_DIGEST = "sha256:" + "5e" * 32


def status(container_id: str, name: str = "app", image: str = "reg.example/app:1") -> Any:
    """Return the status of one container; without an id it has not been created."""
    found = {"name": name, "image": image, "imageID": "", "ready": bool(container_id)}
    if container_id:
        repository = image.rpartition(":")[0]
        found |= {
            "containerID": f"containerd://{container_id}",
            "imageID": f"{repository}@{_DIGEST}",
        }
    return found


def pod(uid: str = UID_A, *container_ids: str, **metadata: Any) -> dict[str, Any]:
    """Return a pod with those containers: app, app1, app2..."""
    names = ["app", *(f"app{each}" for each in range(1, len(container_ids)))]
    return {
        "metadata": {"uid": uid, "name": f"pod-{uid[-1]}", "namespace": "payments", **metadata},
        "spec": {"serviceAccountName": "checkout", "nodeName": "node-1"},
        "status": {"containerStatuses": list(map(status, container_ids, names))},
    }


def pod_list(*pods: Any) -> bytes:
    return json.dumps(
        {"kind": "PodList", "apiVersion": "v1", "metadata": {}, "items": pods}
    ).encode()
