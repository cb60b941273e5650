"""An authority, and a kubelet with a certificate of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.ca import TestCa
from support.fake_kubelet import NODE, TOKEN, FakeKubelet, new_ca, serving
from support.pods import ID_A, UID_A, pod, pod_list


@pytest.fixture(scope="module")
def ca() -> TestCa:
    return new_ca()


@pytest.fixture
def kubelet(tmp_path: Path, ca: TestCa) -> FakeKubelet:
    listed = pod_list(pod(UID_A, ID_A))
    return FakeKubelet(tmp_path, serving(ca, NODE), token=TOKEN, pods=lambda: listed)
