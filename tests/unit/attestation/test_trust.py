from __future__ import annotations

import pytest

from accredit.attestation import trust as module
from accredit.attestation.trust import Trust, declare, trust
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
        ("linux:host", Trust.KERNEL),
        ("linux:container", Trust.WORKLOAD),
        ("linux:cgroup:/a", Trust.ROOT_OWNED),
        ("linux:apparmor:web", Trust.WORKLOAD),
        ("systemd:id:web.service", Trust.RUNTIME),
        ("systemd-user:1000:id:web.service", Trust.WORKLOAD),
    ],
)
def test_every_selector_is_somebodys_word(selector: str, expected: Trust) -> None:
    assert trust(Selector.parse(selector)) is expected


def test_what_nobody_knows_may_be_the_workloads_own_word() -> None:
    assert trust(Selector.parse("lab:rack:7")) is Trust.WORKLOAD
    assert trust(Selector.parse("unix:shoe:46")) is Trust.WORKLOAD


def test_a_plug_in_says_whose_word_its_own_selectors_are_and_no_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "_declared", {})
    declare("rack", Trust.ROOT_OWNED)
    assert trust(Selector.parse("rack:row:7")) is Trust.ROOT_OWNED
    with pytest.raises(ValueError, match="unix is a type of accredit's own"):
        declare("unix", Trust.KERNEL)


def test_every_kind_that_an_entry_may_name_has_its_note() -> None:
    weak = {kind for kind in UNIX_KINDS if trust(Selector("unix", f"{kind}:x")) is Trust.WORKLOAD}
    assert weak == {"path", "sha256"}
