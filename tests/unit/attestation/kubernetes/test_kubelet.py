"""The client against a kubelet over real TLS: what is asked, and what is answered."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from pathlib import Path

import pytest
from support.ca import TestCa
from support.fake_kubelet import NODE, TOKEN, FakeKubelet, response
from support.kubelet_client import client_of, refusal
from support.pods import ID_A, UID_A, pod, pod_list

from accredit.attestation.kubernetes.pod_list import Place

PLACE = Place(ID_A, UID_A)


async def test_pods_are_listed_to_who_shows_the_token(kubelet: FakeKubelet, ca: TestCa) -> None:
    async with kubelet.running(), client_of(kubelet, ca) as client:
        assert (await client.pods()).find(PLACE) is not None
    (request,) = kubelet.requests
    assert (request.path, request.name) == ("/pods", NODE)
    assert request.headers["authorization"] == f"Bearer {TOKEN}"


async def test_a_connection_is_kept(kubelet: FakeKubelet, ca: TestCa) -> None:
    async with kubelet.running(), client_of(kubelet, ca) as client:
        for _ in range(3):
            await client.pods()
        assert kubelet.connections == 1


async def test_a_refused_token_names_its_file_and_the_cure(
    kubelet: FakeKubelet, ca: TestCa
) -> None:
    kubelet.token = "another"
    async with kubelet.running(), client_of(kubelet, ca) as client:
        said = await refusal(client)
    assert said.startswith("the kubelet answers 401 (Unauthorized): it does not take the token in")
    assert str(kubelet.folder / "token") in said
    assert "--authentication-token-webhook" in said


async def test_who_may_not_list_pods_hears_which_right_is_missing(
    kubelet: FakeKubelet, ca: TestCa
) -> None:
    body = b"Forbidden (user=system:serviceaccount:a:b, verb=get, resource=nodes)\n"
    kubelet.answer = lambda: response(403, body)
    async with kubelet.running(), client_of(kubelet, ca) as client:
        said = await refusal(client)
    assert "403 (Forbidden (user=system:serviceaccount:a:b, verb=get, resource=nodes))" in said
    assert "nodes/pods (Kubernetes 1.33 and later; before that nodes/proxy" in said


async def test_an_anonymous_caller_shows_nothing(kubelet: FakeKubelet, ca: TestCa) -> None:
    kubelet.token = None
    async with kubelet.running(), client_of(kubelet, ca, anonymous=True) as client:
        await client.pods()
        assert not kubelet.requests[0].headers["authorization"]
        kubelet.token = TOKEN
        assert "takes no anonymous callers" in await refusal(client)


async def test_the_read_only_port_gets_no_token(tmp_path: Path) -> None:
    kubelet = FakeKubelet(tmp_path)
    async with kubelet.running(), client_of(kubelet, None, read_only_port=kubelet.port) as client:
        await client.pods()
    assert not kubelet.requests[0].headers["authorization"]


async def test_a_slow_kubelet_is_given_up(kubelet: FakeKubelet, ca: TestCa) -> None:
    kubelet.hold = asyncio.Event()
    soon = timedelta(milliseconds=200)
    async with kubelet.running(), client_of(kubelet, ca, timeout=soon) as client:
        assert "gives no answer within 0.2 seconds" in await refusal(client)


async def test_a_body_larger_than_allowed_is_not_read_to_its_end(
    kubelet: FakeKubelet, ca: TestCa
) -> None:
    kubelet.pods = lambda: b" " * (1 << 20)
    async with kubelet.running(), client_of(kubelet, ca, max_bytes=1 << 16) as client:
        assert "answers with over 65536 bytes" in await refusal(client)
        kubelet.pods = lambda: pod_list(pod(UID_A, ID_A))
        await client.pods()


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (response(200, b"<html>"), "answer cannot be read: not JSON"),
        (response(200, json.dumps({"kind": "Status"}).encode()), "cannot be read: not a list"),
        (response(200, b""), "answer cannot be read: not JSON"),
        (response(404, b"404 page not found"), "404 (404 page not found), expected a list"),
        (response(500, b""), "500 (without a word), expected a list of pods"),
        (response(302, b"", "Location: https://evil.example/"), "answers 302"),
        (response(500, b"a\x1b[31m\r\nb" + b"c" * 999), "500 (a[31m b" + "c" * 293),
        (b"SSH-2.0-OpenSSH\r\n\r\n", "answers with no HTTP"),
        (b"\x00\xff" * 40 + b"\r\n\r\n", "answers with no HTTP"),
    ],
)
async def test_garbage_is_a_clear_error(
    kubelet: FakeKubelet, ca: TestCa, answer: bytes, reason: str
) -> None:
    kubelet.answer = lambda: answer
    async with kubelet.running(), client_of(kubelet, ca) as client:
        assert reason in await refusal(client)
