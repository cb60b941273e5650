from __future__ import annotations

import pytest
from support.entries import selectors

from accredit.authority.references import Reference, Values
from accredit.identity.errors import SelectorError


@pytest.mark.parametrize("text", ["unix:user", "k8s:ns", "docker:label:app", "output"])
def test_a_reference_names_type_kind_and_perhaps_a_key(text: str) -> None:
    assert str(Reference.parse(text)) == text


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "{} refers to no selector: expected the like of {unix:user}"),
        ("unix", "{unix} refers to no selector"),
        ("unix:", "{unix:} refers to no selector"),
        (":user", "{:user} refers to no selector"),
        ("output:web", "{output:web} refers to no selector"),
        ("docker:label:a:b", "{docker:label:a:b} refers to no selector"),
        ("docker:label:", "{docker:label:} refers to no selector"),
        ("unix:name", "{unix:name} is unknown; expected unix: and one of uid, user"),
        ("unix:path", "{unix:path} has values that no path segment can hold"),
        ("linux:cgroup", "{linux:cgroup} has values that no path segment can hold"),
        ("systemd:fragment_path", "{systemd:fragment_path} has values that no path segment can"),
        ("linux:host", "{linux:host} has no value"),
        ("systemd:unit", "{systemd:unit} is unknown; expected systemd: and one of id, slice"),
        ("systemd-user:1000", "{systemd-user:1000} would be the word of a user"),
        ("unix:uid:1000", "{unix:uid:1000} has a key too many: write {unix:uid}"),
        ("docker:label", "{docker:label} needs a key: write {docker:label:app}"),
        ("docker:env", "{docker:env} has values that no path segment can hold"),
        ("docker:labels:app", "{docker:labels:app} is unknown; expected docker: and one of label"),
        ("podman-user:1000:name", "{podman-user:1000:name} would be the word of a user"),
        ("k8s:ns\n", "refers to no selector"),
    ],
)
def test_what_no_caller_could_have_one_fit_value_for_is_refused(text: str, reason: str) -> None:
    with pytest.raises(SelectorError) as caught:
        Reference.parse(text)
    assert reason in str(caught.value)


@pytest.mark.parametrize(
    ("reference", "found"),
    [
        ("unix:uid", ["1000"]),
        ("unix:supplementary_gid", ["27", "4"]),
        ("docker:label:app", ["web"]),
        ("docker:label:tier", ["a:b"]),
        ("docker:label:none", []),
        ("output", ["nginx"]),
        ("k8s:ns", []),
    ],
)
def test_a_callers_values_are_what_follows_in_its_selectors(
    reference: str, found: list[str]
) -> None:
    caller = Values(
        selectors(
            "unix:uid:1000",
            "unix:supplementary_gid:4",
            "unix:supplementary_gid:27",
            "docker:label:app:web",
            "docker:label:tier:a:b",
            "output:nginx",
        )
    )
    assert sorted(caller.of(Reference.parse(reference))) == found
