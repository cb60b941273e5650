"""What a kubelet is shown and verified by, from files that are replaced."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from support.ca import TestCa
from support.fake_kubelet import NODE, FakeKubelet, ca_file, new_ca, pair_files, serving
from support.kubelet_client import client_of, refusal


async def test_a_token_that_was_replaced_counts_at_once(kubelet: FakeKubelet, ca: TestCa) -> None:
    async with kubelet.running(), client_of(kubelet, ca) as client:
        await client.pods()
        kubelet.token = "second"
        assert "does not take the token in" in await refusal(client)
        (kubelet.folder / "token").write_text("second")
        await client.pods()


async def test_a_certificate_may_stand_for_the_token(kubelet: FakeKubelet, ca: TestCa) -> None:
    clients = new_ca()
    kubelet.clients, kubelet.token = clients, None
    folder = kubelet.folder / "client"
    folder.mkdir()
    certificate, key = pair_files(folder, clients.issue(subject="agent"))
    pair = {"certificate_file": certificate, "private_key_file": key}
    async with kubelet.running(), client_of(kubelet, ca, **pair) as client:
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
    async with kubelet.running(), client_of(kubelet, ca, **pair) as client:
        assert "cannot be talked to over TLS" in await refusal(client)
        # A kubelet asks for one, takes any, and then looks at it.
        kubelet.clients, kubelet.token = None, "some"
        await kubelet.stop()
        await kubelet.start()
        assert f"does not know who signed {certificate}" in await refusal(client)


async def test_a_self_signed_kubelet_is_taken_only_if_told_to_skip_verification(
    kubelet: FakeKubelet,
) -> None:
    missing = kubelet.folder / "none"
    skip = {"skip_verification": True, "ca_file": missing}
    async with kubelet.running(), client_of(kubelet, None, **skip) as client:
        await client.pods()


async def test_an_authority_without_its_root_is_enough(tmp_path: Path) -> None:
    below = new_ca().intermediate(now=datetime.now(UTC))
    kubelet = FakeKubelet(tmp_path, serving(below, NODE))
    file = tmp_path / "below.crt"
    file.write_bytes(below.certificate.public_bytes(Encoding.PEM))
    async with kubelet.running(), client_of(kubelet, None, ca_file=file) as client:
        await client.pods()


async def test_a_kubelet_that_was_restarted_with_a_new_authority_is_known_again(
    kubelet: FakeKubelet, ca: TestCa
) -> None:
    async with kubelet.running(), client_of(kubelet, ca) as client:
        await client.pods()
        second = new_ca()
        kubelet.issued = serving(second, NODE)
        await kubelet.stop()
        await kubelet.start()
        assert "is not verified" in await refusal(client)
        ca_file(kubelet.folder / "ca.crt", second)
        await client.pods()


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
    async with kubelet.running(), client_of(kubelet, ca) as client:
        file = kubelet.folder / "token"
        file.unlink()
        if content is not None:
            file.write_bytes(content)
        assert (await refusal(client)).startswith(f"{file} {reason}")
    assert kubelet.requests == []


@pytest.mark.parametrize("content", [b"", b"no pem", b"\xff", b"-----BEGIN CERTIFICATE-----\nAA\n"])
async def test_a_file_that_holds_no_authorities_is_named(
    kubelet: FakeKubelet, ca: TestCa, content: bytes
) -> None:
    async with kubelet.running(), client_of(kubelet, ca) as client:
        (kubelet.folder / "ca.crt").write_bytes(content)
        said = await refusal(client)
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
    async with kubelet.running(), client_of(kubelet, ca, **pair) as client:
        assert f"{certificate} and {key} cannot be used" in await refusal(client)


async def test_a_certificate_that_openssl_cannot_read_is_no_authority(
    kubelet: FakeKubelet, ca: TestCa
) -> None:
    """Such as one whose subject is no UTF-8: cryptography does not look so closely."""
    good = ca.root.public_bytes(Encoding.DER)
    name = next(iter(ca.root.subject)).value
    assert isinstance(name, str)
    bad = good.replace(name.encode(), b"\xff" * len(name))
    async with kubelet.running(), client_of(kubelet, ca) as client:
        (kubelet.folder / "ca.crt").write_text(ssl.DER_cert_to_PEM_cert(bad))
        said = await refusal(client)
    assert said.startswith(f"{kubelet.folder / 'ca.crt'} holds a certificate that cannot be used: ")
