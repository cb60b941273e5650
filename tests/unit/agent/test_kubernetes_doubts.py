from __future__ import annotations

from pathlib import Path

import pytest

from accredit.agent.config import load_config
from accredit.agent.doubts import doubts

_HEAD = "trust_domain: a\ndata_dir: /d\nsocket: /s\nadmin_socket: /a\n"


def found(folder: Path, attestation: str, selector: str) -> list[str]:
    path = folder / "accredit.yaml"
    entry = f"entries: [{{id: /a, selectors: ['{selector}', 'unix:uid:1']}}]\n"
    path.write_text(f"{_HEAD}attestation: {{{attestation}}}\n{entry}")
    path.chmod(0o600)
    plan = load_config(path).plan(path)
    return [each.replace(str(path), "FILE") for each in doubts(plan, plan.entry_files.read())]


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
    assert found(tmp_path, attestation, selector) == [
        f"FILE:6: {selector} never holds unless {unless}"
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
    assert found(tmp_path, attestation, selector) == []
