"""A kubelet whose answers the official Kubernetes client writes; run as another process.

``kubelet_program.py CERTIFICATE KEY TOKEN POD``: the file POD holds the uid of a pod and the id of
its container, which is listed at the third request after the file came to be. Prints the port.
"""

from __future__ import annotations

import json
import ssl
import sys
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from kubernetes import client  # type: ignore[import-not-found,import-untyped,unused-ignore]

CERTIFICATE, KEY, TOKEN, POD = sys.argv[1:]
_IMAGE = "reg.example/checkout"
_DIGEST = "sha256:" + "5e" * 32


class Kubelet(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    asked = 0

    def do_GET(self) -> None:
        if self.headers["Authorization"] != f"Bearer {TOKEN}":
            self._answer(401, b"Unauthorized", "text/plain; charset=utf-8")
        elif self.path == "/pods":
            self._answer(200, pods(), "application/json")
        else:
            self._answer(404, b"404 page not found\n", "text/plain; charset=utf-8")

    def _answer(self, status: int, body: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  its name there
        pass


def pods() -> bytes:
    items = [other()]
    if Path(POD).exists():
        Kubelet.asked += 1
        uid, container_id = Path(POD).read_text().split()
        items.append(pod(uid, container_id if Kubelet.asked >= 3 else None))
    listed = client.V1PodList(api_version="v1", kind="PodList", items=items)
    listed.metadata = client.V1ListMeta()
    return json.dumps(client.ApiClient().sanitize_for_serialization(listed)).encode()


def pod(uid: str, container_id: str | None) -> object:
    owner = client.V1OwnerReference(
        api_version="apps/v1", kind="ReplicaSet", name="checkout-5d", uid="owner-1", controller=True
    )
    metadata = client.V1ObjectMeta(
        name="checkout-5d-x1",
        namespace="payments",
        uid=uid,
        labels={"app": "checkout"},
        annotations={"kubernetes.io/config.source": "api"},
        owner_references=[owner],
        creation_timestamp=datetime.now(UTC),
    )
    spec = client.V1PodSpec(
        service_account_name="checkout",
        node_name="node-1",
        containers=[client.V1Container(name="app", image=f"{_IMAGE}:1")],
    )
    return client.V1Pod(metadata=metadata, spec=spec, status=status(container_id))


def status(container_id: str | None) -> object:
    running = client.V1ContainerState(
        running=client.V1ContainerStateRunning(started_at=datetime.now(UTC))
    )
    waiting = client.V1ContainerState(
        waiting=client.V1ContainerStateWaiting(reason="ContainerCreating")
    )
    container = client.V1ContainerStatus(
        name="app",
        image=f"{_IMAGE}:1",
        image_id=f"{_IMAGE}@{_DIGEST}" if container_id else "",
        container_id=f"containerd://{container_id}" if container_id else None,
        ready=bool(container_id),
        restart_count=0,
        state=running if container_id else waiting,
    )
    return client.V1PodStatus(phase="Running", container_statuses=[container])


def other() -> object:
    metadata = client.V1ObjectMeta(name="new", namespace="kube-system", uid="0" * 32)
    spec = client.V1PodSpec(containers=[client.V1Container(name="a")])
    return client.V1Pod(metadata=metadata, spec=spec, status=client.V1PodStatus(phase="Pending"))


server = ThreadingHTTPServer(("127.0.0.1", 0), Kubelet)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(CERTIFICATE, KEY)
server.socket = context.wrap_socket(server.socket, server_side=True)
print(server.server_address[1], flush=True)
server.serve_forever()
