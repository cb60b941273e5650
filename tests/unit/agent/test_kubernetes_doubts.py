from __future__ import annotations

from pathlib import Path

import pytest
from support.doubting import doubted


@pytest.mark.parametrize(
    ("attestation", "selector", "unless"),
    [
        ("", "k8s:ns:payments", "attestation.k8s is there"),
        ("k8s: {}", "k8s:ns-label:a:b", "attestation.k8s.namespace_labels is true"),
        (
            "k8s: {container_selectors: false}",
            "k8s:container-name:app",
            "attestation.k8s.container_selectors is true",
        ),
    ],
)
def test_a_selector_that_nobody_gives_is_told(
    tmp_path: Path, attestation: str, selector: str, unless: str
) -> None:
    assert doubted(tmp_path, selector, f"{{{attestation}}}") == [
        f"FILE:7: {selector} never holds unless {unless}"
    ]


@pytest.mark.parametrize(
    ("attestation", "selector"),
    [
        ("k8s: {}", "k8s:ns:payments"),
        ("k8s: {}", "k8s:container-image:a"),
        ("k8s: {namespace_labels: true}", "k8s:ns-label:a:b"),
    ],
)
def test_what_pods_can_have_raises_no_doubt(
    tmp_path: Path, attestation: str, selector: str
) -> None:
    assert doubted(tmp_path, selector, f"{{{attestation}}}") == []
