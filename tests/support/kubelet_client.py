"""The client of a kubelet that a test runs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from accredit.attestation.kubernetes.kubelet import Kubelet
from accredit.attestation.kubernetes.settings import KubernetesSettings
from accredit.identity.errors import UnavailableError
from support.ca import TestCa
from support.fake_kubelet import NODE, TOKEN, FakeKubelet, ca_file


@asynccontextmanager
async def client_of(
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


async def refusal(client: Kubelet) -> str:
    with pytest.raises(UnavailableError) as caught:
        await client.pods()
    assert TOKEN not in str(caught.value)
    return str(caught.value)
