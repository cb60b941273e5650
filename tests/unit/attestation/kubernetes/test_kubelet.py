"""The client against a kubelet over real TLS."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from support.ca import TestCa
from support.fake_kubelet import (
    NODE,
    TOKEN,
    FakeKubelet,
    ca_file,
    new_ca,
    pair_files,
    response,
    serving,
)
from support.pods import ID_A, UID_A, pod, pod_list

from accredit.attestation.kubernetes.kubelet import Kubelet
from accredit.attestation.kubernetes.pod_list import Place
from accredit.attestation.kubernetes.settings import KubernetesSettings
from accredit.identity.errors import UnavailableError

_PLACE = Place(ID_A, UID_A)


@pytest.fixture(scope="module")
def ca() -> TestCa:
    return new_ca()


@pytest.fixture
def kubelet(tmp_path: Path, ca: TestCa) -> FakeKubelet:
    listed = pod_list(pod(UID_A, ID_A))
    return FakeKubelet(tmp_path, serving(ca, NODE), token=TOKEN, pods=lambda: listed)


@asynccontextmanager
async def _client(
    kubelet: FakeKubelet, ca: TestCa | None, **changes: Any
) -> AsyncIterator[Kubelet]:
    token = kubelet.folder / "token"
    token.write_text(TOKEN + "\n")
    settings: dict[str, Any] = {"port": kubelet.port, "node_name": NODE, "token_file": token}
    if ca is not None:
        settings["ca_file"] = ca_file(kubelet.folder / "ca.crt", ca)
    client = Kubelet(KubernetesSettings(**{**settings, **changes}))
    try:
        yield client
    finally:
        await client.close()


async def _refusal(client: Kubelet) -> str:
    with pytest.raises(UnavailableError) as caught:
        await client.pods()
    assert TOKEN not in str(caught.value)
    return str(caught.value)


async def test_pods_are_listed_to_who_shows_the_token(kubelet: FakeKubelet, ca: TestCa) -> None:
    async with kubelet.running(), _client(kubelet, ca) as client:
        assert (await client.pods()).find(_PLACE) is not None
    (request,) = kubelet.requests
    assert (request.path, request.name) == ("/pods", NODE)
    assert request.headers["authorization"] == f"Bearer {TOKEN}"


async def test_a_connection_is_kept(kubelet: FakeKubelet, ca: TestCa) -> None:
    async with kubelet.running(), _client(kubelet, ca) as client:
        for _ in range(3):
            await client.pods()
        assert kubelet.connections == 1


async def test_a_token_that_was_replaced_counts_at_once(kubelet: FakeKubelet, ca: TestCa) -> None:
    async with kubelet.running(), _client(kubelet, ca) as client:
        await client.pods()
        kubelet.token = "second"
        assert "does not take the token in" in await _refusal(client)
        (kubelet.folder / "token").write_text("second")
        await client.pods()


async def test_a_refused_token_names_its_file_and_the_cure(
    kubelet: FakeKubelet, ca: TestCa
) -> None:
    kubelet.token = "another"
    async with kubelet.running(), _client(kubelet, ca) as client:
        said = await _refusal(client)
    assert said.startswith("the kubelet answers 401 (Unauthorized): it does not take the token in")
    assert str(kubelet.folder / "token") in said
    assert "--authentication-token-webhook" in said


async def test_who_may_not_list_pods_hears_which_right_is_missing(
    kubelet: FakeKubelet, ca: TestCa
) -> None:
    body = b"Forbidden (user=system:serviceaccount:a:b, verb=get, resource=nodes)\n"
    kubelet.answer = lambda: response(403, body)
    async with kubelet.running(), _client(kubelet, ca) as client:
        said = await _refusal(client)
    assert "403 (Forbidden (user=system:serviceaccount:a:b, verb=get, resource=nodes))" in said
    assert "nodes/pods (Kubernetes 1.33 and later; before that nodes/proxy" in said


async def test_a_certificate_may_stand_for_the_token(kubelet: FakeKubelet, ca: TestCa) -> None:
    clients = new_ca()
    kubelet.clients, kubelet.token = clients, None
    folder = kubelet.folder / "client"
    folder.mkdir()
    certificate, key = pair_files(folder, clients.issue(subject="agent"))
    pair = {"certificate_file": certificate, "private_key_file": key}
    async with kubelet.running(), _client(kubelet, ca, **pair) as client:
        await client.pods()
        (request,) = kubelet.requests
        assert request.peer["subject"][0][0] == ("commonName", "agent")
        assert "authorization" not in request.headers or not request.headers["authorization"]
        # Renewed under the same name, it is shown from then on.
        pair_files(folder, clients.issue(subject="renewed"))
        await client.pods()
        assert kubelet.requests[-1].peer["subject"][0][0] == ("commonName", "renewed")


async def test_a_certificate_the_kubelet_does_not_know_is_refused(
    kubelet: FakeKubelet, ca: TestCa
) -> None:
    kubelet.clients = new_ca()
    folder = kubelet.folder / "client"
    folder.mkdir()
    certificate, key = pair_files(folder, new_ca().issue(subject="agent"))
    pair = {"certificate_file": certificate, "private_key_file": key}
    async with kubelet.running(), _client(kubelet, ca, **pair) as client:
        assert "cannot be talked to over TLS" in await _refusal(client)
        # A kubelet asks for one, takes any, and then looks at it.
        kubelet.clients, kubelet.token = None, "some"
        await kubelet.stop()
        await kubelet.start()
        assert f"does not know who signed {certificate}" in await _refusal(client)


async def test_a_refusal_that_comes_after_the_handshake_is_a_clear_error(
    kubelet: FakeKubelet, ca: TestCa
) -> None:
    assert kubelet.issued is not None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*pair_files(kubelet.folder, kubelet.issued))
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.verify_mode = ssl.CERT_REQUIRED
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def refuse() -> None:
            accepted, _ = listener.accept()
            with context.wrap_socket(
                accepted, server_side=True, do_handshake_on_connect=False
            ) as tls:
                with pytest.raises(ssl.SSLError):
                    tls.do_handshake()
                # What was not read would have the kernel reset the connection.
                while os.read(tls.fileno(), 1 << 16):
                    pass

        kubelet.port = listener.getsockname()[1]
        async with _client(kubelet, ca) as client, asyncio.TaskGroup() as tasks:
            tasks.create_task(asyncio.to_thread(refuse))
            assert "over TLS: tlsv13 alert certificate required" in await _refusal(client)


async def test_an_anonymous_caller_shows_nothing(kubelet: FakeKubelet, ca: TestCa) -> None:
    kubelet.token = None
    async with kubelet.running(), _client(kubelet, ca, anonymous=True) as client:
        await client.pods()
        assert not kubelet.requests[0].headers["authorization"]
        kubelet.token = TOKEN
        assert "takes no anonymous callers" in await _refusal(client)


async def test_the_read_only_port_gets_no_token(tmp_path: Path) -> None:
    kubelet = FakeKubelet(tmp_path)
    async with kubelet.running(), _client(kubelet, None, read_only_port=kubelet.port) as client:
        await client.pods()
    assert not kubelet.requests[0].headers["authorization"]


async def test_a_certificate_of_another_authority_is_refused_before_the_token_is_sent(
    kubelet: FakeKubelet,
) -> None:
    async with kubelet.running(), _client(kubelet, new_ca()) as client:
        assert "is not verified: unable to get local issuer" in await _refusal(client)
    assert kubelet.requests == []


async def test_a_certificate_of_another_node_is_refused(kubelet: FakeKubelet, ca: TestCa) -> None:
    async with kubelet.running(), _client(kubelet, ca, node_name="node-2.example") as client:
        assert "is not valid for 'node-2.example'" in await _refusal(client)
    assert kubelet.requests == []


async def test_without_a_node_name_the_chain_alone_counts(kubelet: FakeKubelet, ca: TestCa) -> None:
    async with kubelet.running():
        async with _client(kubelet, ca, node_name=None) as client:
            await client.pods()
        async with _client(kubelet, new_ca(), node_name=None) as client:
            assert "is not verified" in await _refusal(client)


async def test_an_expired_certificate_is_refused(kubelet: FakeKubelet, ca: TestCa) -> None:
    past = datetime.now(UTC) - timedelta(minutes=1)
    kubelet.issued = serving(ca, NODE, not_after=past)
    async with kubelet.running(), _client(kubelet, ca) as client:
        assert "is not verified: certificate has expired" in await _refusal(client)


async def test_a_self_signed_kubelet_is_taken_only_if_told_to_skip_verification(
    kubelet: FakeKubelet,
) -> None:
    missing = kubelet.folder / "none"
    skip = {"skip_verification": True, "ca_file": missing}
    async with kubelet.running(), _client(kubelet, None, **skip) as client:
        await client.pods()


async def test_an_authority_without_its_root_is_enough(tmp_path: Path) -> None:
    below = new_ca().intermediate(now=datetime.now(UTC))
    kubelet = FakeKubelet(tmp_path, serving(below, NODE))
    file = tmp_path / "below.crt"
    file.write_bytes(below.certificate.public_bytes(Encoding.PEM))
    async with kubelet.running(), _client(kubelet, None, ca_file=file) as client:
        await client.pods()


async def test_a_kubelet_that_was_restarted_with_a_new_authority_is_known_again(
    kubelet: FakeKubelet, ca: TestCa
) -> None:
    async with kubelet.running(), _client(kubelet, ca) as client:
        await client.pods()
        second = new_ca()
        kubelet.issued = serving(second, NODE)
        await kubelet.stop()
        await kubelet.start()
        assert "is not verified" in await _refusal(client)
        ca_file(kubelet.folder / "ca.crt", second)
        await client.pods()


async def test_nobody_at_the_port_is_a_clear_error(kubelet: FakeKubelet, ca: TestCa) -> None:
    async with kubelet.running():
        pass
    async with _client(kubelet, ca) as client:
        said = await _refusal(client)
    assert said.startswith(f"the kubelet at https://127.0.0.1:{kubelet.port} cannot be reached: ")


async def test_a_slow_kubelet_is_given_up(kubelet: FakeKubelet, ca: TestCa) -> None:
    kubelet.hold = asyncio.Event()
    soon = timedelta(milliseconds=200)
    async with kubelet.running(), _client(kubelet, ca, timeout=soon) as client:
        assert "gives no answer within 0.2 seconds" in await _refusal(client)


async def test_a_kubelet_that_breaks_off_is_a_clear_error(kubelet: FakeKubelet, ca: TestCa) -> None:
    kubelet.answer = lambda: b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"
    async with kubelet.running(), _client(kubelet, ca) as client:
        assert "peer closed connection" in await _refusal(client)


async def test_a_body_larger_than_allowed_is_not_read_to_its_end(
    kubelet: FakeKubelet, ca: TestCa
) -> None:
    kubelet.pods = lambda: b" " * (1 << 20)
    async with kubelet.running(), _client(kubelet, ca, max_bytes=1 << 16) as client:
        assert "answers with over 65536 bytes" in await _refusal(client)
        kubelet.pods = lambda: pod_list(pod(UID_A, ID_A))
        await client.pods()


async def test_a_cookie_is_not_kept(kubelet: FakeKubelet, ca: TestCa) -> None:
    kubelet.answer = lambda: response(200, pod_list(), "Set-Cookie: \u00ff=1", "Connection: close")
    async with kubelet.running(), _client(kubelet, ca) as client:
        for _ in range(2):
            await client.pods()
    assert "cookie" not in kubelet.requests[-1].headers


async def test_a_compressed_body_is_refused(kubelet: FakeKubelet, ca: TestCa) -> None:
    kubelet.answer = lambda: response(200, b"x", "Content-Encoding: gzip")
    async with kubelet.running(), _client(kubelet, ca) as client:
        assert "compressed body" in await _refusal(client)


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
    async with kubelet.running(), _client(kubelet, ca) as client:
        assert reason in await _refusal(client)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "cannot be read: no such file"),
        (b"", "holds no token"),
        (b"two\nlines", "holds no token"),
        (b"a b", "holds no token"),
        (b"a\r\nX-Injected: 1", "holds no token"),
        (b"\xff\xfe", "holds no token"),
        (b"a" * (1 << 21), "is larger than 1048576 bytes"),
    ],
)
async def test_a_file_that_holds_no_token_is_named(
    kubelet: FakeKubelet, ca: TestCa, content: bytes | None, reason: str
) -> None:
    async with kubelet.running(), _client(kubelet, ca) as client:
        file = kubelet.folder / "token"
        file.unlink()
        if content is not None:
            file.write_bytes(content)
        assert (await _refusal(client)).startswith(f"{file} {reason}")
    assert kubelet.requests == []


@pytest.mark.parametrize("content", [b"", b"no pem", b"\xff", b"-----BEGIN CERTIFICATE-----\nAA\n"])
async def test_a_file_that_holds_no_authorities_is_named(
    kubelet: FakeKubelet, ca: TestCa, content: bytes
) -> None:
    async with kubelet.running(), _client(kubelet, ca) as client:
        (kubelet.folder / "ca.crt").write_bytes(content)
        said = await _refusal(client)
    assert said == f"{kubelet.folder / 'ca.crt'} holds no certificates in PEM"


async def test_a_key_that_does_not_fit_its_certificate_is_named(
    kubelet: FakeKubelet, ca: TestCa
) -> None:
    folder = kubelet.folder / "client"
    folder.mkdir()
    certificate, key = pair_files(folder, ca.issue())
    other = kubelet.folder / "other"
    other.mkdir()
    _, key = pair_files(other, ca.issue())
    pair = {"certificate_file": certificate, "private_key_file": key}
    async with kubelet.running(), _client(kubelet, ca, **pair) as client:
        assert f"{certificate} and {key} cannot be used" in await _refusal(client)


async def test_a_certificate_that_openssl_cannot_read_is_no_authority(
    kubelet: FakeKubelet, ca: TestCa
) -> None:
    """Such as one whose subject is no UTF-8: cryptography does not look so closely."""
    good = ca.root.public_bytes(Encoding.DER)
    name = next(iter(ca.root.subject)).value
    assert isinstance(name, str)
    bad = good.replace(name.encode(), b"\xff" * len(name))
    async with kubelet.running(), _client(kubelet, ca) as client:
        (kubelet.folder / "ca.crt").write_text(ssl.DER_cert_to_PEM_cert(bad))
        said = await _refusal(client)
    assert said.startswith(f"{kubelet.folder / 'ca.crt'} holds a certificate that cannot be used: ")


async def test_a_name_that_cannot_be_one_is_told(kubelet: FakeKubelet, ca: TestCa) -> None:
    async with _client(kubelet, ca, address="xn--a") as client:
        said = await _refusal(client)
    assert said.startswith(f"the kubelet at https://xn--a:{kubelet.port} ")
