"""Servers that are others, broken or slow, and what is said of them."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from datetime import UTC, datetime, timedelta

import pytest
from support.ca import TestCa
from support.fake_kubelet import NODE, FakeKubelet, new_ca, pair_files, response, serving
from support.kubelet_client import client_of, refusal
from support.pods import pod_list


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
        async with client_of(kubelet, ca) as client, asyncio.TaskGroup() as tasks:
            tasks.create_task(asyncio.to_thread(refuse))
            assert "over TLS: tlsv13 alert certificate required" in await refusal(client)


async def test_a_certificate_of_another_authority_is_refused_before_the_token_is_sent(
    kubelet: FakeKubelet,
) -> None:
    async with kubelet.running(), client_of(kubelet, new_ca()) as client:
        assert "is not verified: unable to get local issuer" in await refusal(client)
    assert kubelet.requests == []


async def test_a_certificate_of_another_node_is_refused(kubelet: FakeKubelet, ca: TestCa) -> None:
    async with kubelet.running(), client_of(kubelet, ca, node_name="node-2.example") as client:
        assert "is not valid for 'node-2.example'" in await refusal(client)
    assert kubelet.requests == []


async def test_without_a_node_name_the_chain_alone_counts(kubelet: FakeKubelet, ca: TestCa) -> None:
    async with kubelet.running():
        async with client_of(kubelet, ca, node_name=None) as client:
            await client.pods()
        async with client_of(kubelet, new_ca(), node_name=None) as client:
            assert "is not verified" in await refusal(client)


async def test_an_expired_certificate_is_refused(kubelet: FakeKubelet, ca: TestCa) -> None:
    past = datetime.now(UTC) - timedelta(minutes=1)
    kubelet.issued = serving(ca, NODE, not_after=past)
    async with kubelet.running(), client_of(kubelet, ca) as client:
        assert "is not verified: certificate has expired" in await refusal(client)


async def test_nobody_at_the_port_is_a_clear_error(kubelet: FakeKubelet, ca: TestCa) -> None:
    async with kubelet.running():
        pass
    async with client_of(kubelet, ca) as client:
        said = await refusal(client)
    assert said.startswith(f"the kubelet at https://127.0.0.1:{kubelet.port} cannot be reached: ")


async def test_a_kubelet_that_breaks_off_is_a_clear_error(kubelet: FakeKubelet, ca: TestCa) -> None:
    kubelet.answer = lambda: b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"
    async with kubelet.running(), client_of(kubelet, ca) as client:
        assert "peer closed connection" in await refusal(client)


async def test_a_cookie_is_not_kept(kubelet: FakeKubelet, ca: TestCa) -> None:
    kubelet.answer = lambda: response(200, pod_list(), "Set-Cookie: \u00ff=1", "Connection: close")
    async with kubelet.running(), client_of(kubelet, ca) as client:
        for _ in range(2):
            await client.pods()
    assert "cookie" not in kubelet.requests[-1].headers


async def test_a_compressed_body_is_refused(kubelet: FakeKubelet, ca: TestCa) -> None:
    kubelet.answer = lambda: response(200, b"x", "Content-Encoding: gzip")
    async with kubelet.running(), client_of(kubelet, ca) as client:
        assert "compressed body" in await refusal(client)


async def test_a_name_that_cannot_be_one_is_told(kubelet: FakeKubelet, ca: TestCa) -> None:
    async with client_of(kubelet, ca, address="xn--a") as client:
        said = await refusal(client)
    assert said.startswith(f"the kubelet at https://xn--a:{kubelet.port} ")
