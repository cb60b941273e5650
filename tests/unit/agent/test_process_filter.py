from __future__ import annotations

import pytest
from support.entries import selectors

from accredit.agent.process_filter import ProcessFilter
from accredit.identity.selector import Selector

_HAS = selectors(
    "unix:uid:1", "docker:image_id:repo/web:1.2", "systemd:id:nginx.service", "k8s:ns:a"
)


@pytest.mark.parametrize(
    ("meant", "expected"),
    [
        (ProcessFilter(image="repo/web:1.2"), True),
        (ProcessFilter(image="repo/web"), False),
        (ProcessFilter(image="a"), False),
        (ProcessFilter(unit="nginx"), True),
        (ProcessFilter(unit="nginx.service"), True),
        (ProcessFilter(unit="nginx.socket"), False),
        (ProcessFilter(selectors("unix:uid:1", "k8s:ns:a")), True),
        (ProcessFilter(selectors("unix:uid:1", "k8s:ns:b")), False),
        (ProcessFilter(selectors("unix:uid:1"), image="repo/web:1.2", unit="nginx"), True),
        (ProcessFilter(selectors("unix:uid:1"), image="repo/web:1.2", unit="apache"), False),
    ],
)
def test_a_process_is_meant_that_has_all_that_was_named(
    meant: ProcessFilter, *, expected: bool
) -> None:
    assert meant.takes(_HAS) is expected
    assert meant


@pytest.mark.parametrize("kind", ["podman:image_id", "k8s:container-image", "k8s:pod-image"])
def test_an_image_is_known_whoever_tells_of_it(kind: str) -> None:
    assert ProcessFilter(image="web").takes(selectors(f"{kind}:web"))


def test_nothing_named_is_nothing_meant() -> None:
    assert not ProcessFilter()


@pytest.mark.parametrize(
    ("meant", "types", "reason"),
    [
        (ProcessFilter(unit="a"), {"unix"}, "no attestor here tells of units: switch on"),
        (ProcessFilter(unit="a"), {"unix", "systemd"}, None),
        (ProcessFilter(image="a"), {"unix", "systemd"}, "no attestor here tells of images"),
        (ProcessFilter(image="a"), {"unix", "docker"}, None),
        (
            ProcessFilter(frozenset({Selector("k8s", "ns:a")})),
            {"unix"},
            "no attestor here gives selectors of type k8s",
        ),
        (ProcessFilter(frozenset({Selector("unix", "uid:1")})), {"unix"}, None),
    ],
)
def test_what_no_attestor_could_tell_is_said(
    meant: ProcessFilter, types: set[str], reason: str | None
) -> None:
    found = meant.lacking(types)
    assert found is None if reason is None else str(found).startswith(reason)


def test_a_filter_reads_as_what_was_named() -> None:
    meant = ProcessFilter(selectors("unix:uid:1"), image="web", unit="nginx")
    assert str(meant) == "unix:uid:1 and image web and unit nginx.service"
