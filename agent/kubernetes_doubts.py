"""Entries for pods that nobody asks about."""

from __future__ import annotations

from collections.abc import Iterator

from accredit.attestation.kubernetes.settings import KubernetesSettings
from accredit.authority.entry_template import Declared, wants
from accredit.identity.selector import Selector


def of_kubernetes(entry: Declared, settings: KubernetesSettings | None) -> Iterator[str]:
    """Yield one line for each selector of ``entry`` that no pod could have."""
    for wanted, selector in wants(entry):
        missing = _missing(selector, settings) if selector.type == "k8s" else None
        if missing is not None:
            yield f"{entry.source}: {wanted} never holds unless attestation.k8s{missing}"


def _missing(selector: Selector, settings: KubernetesSettings | None) -> str | None:
    kind = selector.value.partition(":")[0]
    if settings is None:
        return " is there"
    if kind == "ns-label" and not settings.namespace_labels:
        return ".namespace_labels is true"
    if kind.startswith("container-") and not settings.container_selectors:
        return ".container_selectors is true"
    return None
