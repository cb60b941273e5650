from __future__ import annotations

import pytest
from support.entries import entry

from accredit.authority.entry_overlap import overlaps


def _meet(first: tuple[str, ...], second: tuple[str, ...]) -> bool:
    a, b = entry("/a", *first), entry("/b", *second)
    found = list(overlaps([a, b]))
    assert found in ([], [(a, b)])
    return bool(found)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (("unix:uid:1",), ("unix:uid:1",)),
        (("unix:uid:1",), ("unix:path:/bin/web",)),
        (("unix:uid:1", "unix:gid:1"), ("unix:uid:1", "unix:user:web")),
        (("unix:supplementary_gid:1",), ("unix:supplementary_gid:2",)),
        (("unix:uid:1",), ("k8s:ns:payments",)),
        (("docker:label:app:web",), ("docker:label:tier:front",)),
        (("docker:env:A=1",), ("docker:env:B=2",)),
        (("k8s:container-image:web:1",), ("k8s:container-image:web@sha256:00",)),
    ],
)
def test_entries_meet_where_no_fact_says_otherwise(
    first: tuple[str, ...], second: tuple[str, ...]
) -> None:
    assert _meet(first, second)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (("unix:uid:1",), ("unix:uid:2",)),
        (("unix:uid:1", "unix:path:/a"), ("unix:path:/b",)),
        (("unix:uid:1", "unix:sha256:aa"), ("unix:uid:1", "unix:sha256:bb")),
        (("k8s:ns:a",), ("k8s:ns:b", "unix:uid:1")),
        (("docker:label:app:web",), ("docker:label:app:db", "docker:label:tier:front")),
    ],
)
def test_entries_that_want_two_values_of_one_fact_never_meet(
    first: tuple[str, ...], second: tuple[str, ...]
) -> None:
    assert not _meet(first, second)


def test_each_entry_is_told_with_the_first_one_it_meets() -> None:
    a, b, c = entry("/a", "unix:uid:1"), entry("/b", "unix:uid:2"), entry("/c", "unix:path:/x")
    assert list(overlaps([a, b, c])) == [(a, c)]
    assert list(overlaps([c, b, a])) == [(c, b), (c, a)]
    assert list(overlaps([])) == []
