from __future__ import annotations

from dataclasses import replace

import pytest
from support.entries import entry, selectors, template

from accredit.authority.entry_reasons import nearest
from accredit.authority.entry_set import EntrySet
from accredit.authority.entry_template import Declared

_CALLER = selectors(
    "unix:uid:1000", "unix:gid:100", "unix:supplementary_gid:4", "docker:label:app:web"
)


def _lacks(one: Declared, *others: Declared) -> list[tuple[str, str]]:
    found = nearest(EntrySet([one, *others]), _CALLER, 100)
    (miss,) = [each for each in found if each.entry is one]
    return [(lack.wanted, lack.reason) for lack in miss.lacks]


@pytest.mark.parametrize(
    ("selector", "reason"),
    [
        ("unix:uid:0", "the caller has unix:uid:1000"),
        ("unix:path:/bin/a", "the caller has no unix:path"),
        ("docker:label:app:db", "the caller has docker:label:app:web"),
        ("docker:label:tier:db", "the caller has no docker:label:tier"),
        ("k8s:ns:a", "nothing of type k8s is known of the caller"),
    ],
)
def test_each_selector_that_failed_is_told_with_what_is_there_instead(
    selector: str, reason: str
) -> None:
    assert _lacks(entry("/x", selector, "unix:gid:100")) == [(selector, reason)]


def test_of_many_values_three_are_shown() -> None:
    groups = {f"unix:supplementary_gid:{n}" for n in range(1, 10)}
    (miss,) = nearest(EntrySet([entry("/x", "unix:supplementary_gid:0")]), selectors(*groups), 1)
    assert miss.lacks[0].reason == (
        "the caller has unix:supplementary_gid:1, unix:supplementary_gid:2,"
        " unix:supplementary_gid:3 and 6 more"
    )


def test_all_that_failed_is_told() -> None:
    found = _lacks(entry("/x", "unix:uid:0", "unix:gid:0", "docker:label:app:web"))
    assert [wanted for wanted, _ in found] == ["unix:gid:0", "unix:uid:0"]


def test_a_template_tells_of_its_references_too() -> None:
    assert _lacks(template("/ns/{k8s:ns}/{docker:label:app}", "unix:uid:0")) == [
        ("unix:uid:0", "the caller has unix:uid:1000"),
        ("{k8s:ns}", "the caller has none"),
    ]


def test_a_template_whose_id_is_an_entrys_says_whose() -> None:
    strict = replace(entry("/app/web", "unix:uid:7"), source="f.yaml:3")
    reason = (
        "spiffe://prod.example/app/web is written out at f.yaml:3, and that entry alone gives it"
    )
    path = "/app/{docker:label:app}"
    assert _lacks(template(path), strict) == [(path, reason)]


def test_what_matches_is_no_miss() -> None:
    entries = EntrySet([entry("/x", "unix:uid:1000"), template("/app/{docker:label:app}")])
    assert nearest(entries, _CALLER, 10) == []


def test_who_lacks_least_comes_first_and_of_those_who_has_most() -> None:
    far = entry("/far", "unix:uid:0", "unix:gid:0")
    near = entry("/near", "unix:uid:0")
    nearer = entry("/nearer", "unix:uid:0", "unix:gid:100")
    found = nearest(EntrySet([far, near, nearer]), _CALLER, 2)
    assert [miss.entry.path for miss in found] == ["/nearer", "/near"]


def test_entries_for_outputs_are_no_callers() -> None:
    entries = EntrySet([entry("/x", "output:nginx"), template("/f/{output}")])
    assert nearest(entries, _CALLER, 10) == []


def test_ten_thousand_entries_come_to_the_few_that_were_asked_for() -> None:
    entries = EntrySet(entry(f"/{n}", f"unix:uid:{n}") for n in range(2000, 12_000))
    assert len(nearest(entries, _CALLER, 5)) == 5
