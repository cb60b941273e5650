from __future__ import annotations

import pytest

from accredit.attestation.trust import Trust, trust
from accredit.authority.selector_kinds import UNIX_KINDS
from accredit.identity.selector import Selector


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        ("unix:uid:1000", Trust.KERNEL),
        ("unix:user:app", Trust.ROOT_OWNED),
        ("unix:path:/bin/app", Trust.WORKLOAD),
        ("docker:label:app:checkout", Trust.RUNTIME),
        ("podman-user:1000:label:app:checkout", Trust.WORKLOAD),
        ("k8s:ns:payments", Trust.RUNTIME),
        ("k8s:pod-label:app:web", Trust.RUNTIME),
        ("output:nginx", Trust.ROOT_OWNED),
        ("output:unix:uid", Trust.ROOT_OWNED),
    ],
)
def test_every_selector_is_somebodys_word(selector: str, expected: Trust) -> None:
    assert trust(Selector.parse(selector)) is expected


def test_what_nobody_knows_may_be_the_workloads_own_word() -> None:
    assert trust(Selector.parse("lab:rack:7")) is Trust.WORKLOAD
    assert trust(Selector.parse("unix:shoe:46")) is Trust.WORKLOAD


def test_every_kind_that_an_entry_may_name_has_its_note() -> None:
    weak = {kind for kind in UNIX_KINDS if trust(Selector("unix", f"{kind}:x")) is Trust.WORKLOAD}
    assert weak == {"path", "sha256"}
