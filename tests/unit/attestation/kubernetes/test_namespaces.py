from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import pytest
from support.clock import FakeClock
from support.fake_kubelet import TOKEN, FakeKubelet, ca_file, new_ca, response, serving

from accredit.attestation.kubernetes.namespaces import ApiServer, Namespaces
from accredit.attestation.kubernetes.settings import KubernetesSettings
from accredit.identity.errors import UnavailableError


class Cluster:
    """Answers for every namespace, and counts."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.failure = ""

    async def labels(self, namespace: str) -> Mapping[str, str]:
        self.asked.append(namespace)
        await asyncio.sleep(0)
        if self.failure:
            raise UnavailableError(self.failure)
        return {"name": namespace}


async def test_labels_are_remembered_for_a_minute() -> None:
    cluster, clock = Cluster(), FakeClock()
    namespaces = Namespaces(cluster.labels, clock)
    assert await namespaces.labels("a") == {"name": "a"}
    assert await namespaces.labels("b") == {"name": "b"}
    clock.advance(timedelta(seconds=59))
    await namespaces.labels("a")
    assert cluster.asked == ["a", "b"]
    clock.advance(timedelta(seconds=1))
    await namespaces.labels("a")
    assert cluster.asked == ["a", "b", "a"]


async def test_callers_of_one_namespace_ask_once_together() -> None:
    cluster = Cluster()
    namespaces = Namespaces(cluster.labels, FakeClock())
    async with asyncio.TaskGroup() as tasks:
        for _ in range(100):
            tasks.create_task(namespaces.labels("a"))
    assert cluster.asked == ["a"]


async def test_a_failure_is_remembered_for_two_seconds() -> None:
    cluster, clock = Cluster(), FakeClock()
    namespaces = Namespaces(cluster.labels, clock)
    cluster.failure = "down"
    for _ in range(10):
        with pytest.raises(UnavailableError, match="down"):
            await namespaces.labels("a")
    assert len(cluster.asked) == 1
    cluster.failure = ""
    clock.advance(timedelta(seconds=2))
    assert await namespaces.labels("a") == {"name": "a"}


async def test_no_more_namespaces_are_remembered_than_a_node_can_have() -> None:
    cluster = Cluster()
    namespaces = Namespaces(cluster.labels, FakeClock())
    for number in range(1025):
        await namespaces.labels(str(number))
    await namespaces.labels("1024")
    assert len(cluster.asked) == 1025
    await namespaces.labels("0")
    assert len(cluster.asked) == 1026


def _api(server: FakeKubelet) -> ApiServer:
    (server.folder / "token").write_text(TOKEN)
    return ApiServer(
        KubernetesSettings(
            api_server=f"https://127.0.0.1:{server.port}",
            api_ca_file=server.folder / "ca.crt",
            token_file=server.folder / "token",
        )
    )


@pytest.fixture
def server(tmp_path: Path) -> FakeKubelet:
    ca = new_ca()
    ca_file(tmp_path / "ca.crt", ca)
    return FakeKubelet(tmp_path, serving(ca, "127.0.0.1"))


async def test_the_api_server_is_asked_for_one_namespace_with_the_token(
    server: FakeKubelet,
) -> None:
    body = {"kind": "Namespace", "metadata": {"name": "a", "labels": {"team": "b"}}}
    server.answer = lambda: response(200, json.dumps(body).encode())
    async with server.running():
        api = _api(server)
        assert await api.labels("a/../../nodes") == {"team": "b"}
        await api.close()
    (request,) = server.requests
    assert request.path == "/api/v1/namespaces/a%2F..%2F..%2Fnodes"
    assert request.headers["authorization"] == f"Bearer {TOKEN}"


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (response(403, b"namespaces is forbidden"), "forbidden): allow our service account to get"),
        (response(404, b""), "answers 404 (without a word)"),
        (response(200, b"[]"), "answer is no namespace"),
        (response(200, b"{}"), "answer is no namespace"),
        (response(200, b'{"metadata":null}'), "answer is no namespace"),
        (response(200, b'{"metadata":"a"}'), "answer is no namespace"),
        (response(200, b'{"metadata":{"labels":{"a":1}}}'), "answer is no namespace"),
        (response(200, b"nonsense"), "answer is no namespace"),
    ],
)
async def test_what_is_no_namespace_is_a_clear_error(
    server: FakeKubelet, answer: bytes, reason: str
) -> None:
    server.answer = lambda: answer
    async with server.running():
        api = _api(server)
        with pytest.raises(UnavailableError) as caught:
            await api.labels("a")
        await api.close()
    assert reason in str(caught.value)


async def test_an_api_server_with_another_name_is_refused(server: FakeKubelet) -> None:
    server.issued = serving(new_ca(), "127.0.0.1")
    async with server.running():
        api = _api(server)
        with pytest.raises(UnavailableError, match=r"the API server at https.* is not verified"):
            await api.labels("a")
        await api.close()
