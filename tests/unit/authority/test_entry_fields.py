from __future__ import annotations

from datetime import timedelta

from accredit.authority.entry_fields import EntryFields
from accredit.identity.spiffe_id import TrustDomain
from accredit.identity.yaml_lines import Key, Plain

_OWN = TrustDomain("td.example")


class _Fields(EntryFields):
    def __init__(self, **data: Plain) -> None:
        self.reported: list[Key] = []
        super().__init__(data, lambda key, _: self.reported.append(key))


def test_a_field_with_a_mistake_reads_as_empty_so_that_the_next_can_be_looked_at() -> None:
    fields = _Fields(id=5, ttl="x", hint=["y"], default="z", dns_names=[1], selectors="u")
    assert fields.spiffe_id(_OWN) == _OWN.id
    assert fields.duration("ttl", timedelta(hours=1)) == timedelta(hours=1)
    assert fields.hint() == ""
    assert fields.default() is False
    assert fields.dns_names() == ()
    assert fields.selectors() == frozenset()
    assert fields.reported == [
        ("id",),
        ("ttl",),
        ("hint",),
        ("default",),
        ("dns_names", 0),
        ("selectors",),
    ]


def test_a_field_that_is_not_there_reads_as_its_default() -> None:
    fields = _Fields()
    assert fields.duration("ttl", timedelta(hours=1)) == timedelta(hours=1)
    assert (fields.hint(), fields.default(), fields.dns_names()) == ("", False, ())
    assert fields.federates_with(_OWN) == ()
    fields.check_keys()
    assert fields.reported == []


def test_items_without_a_mistake_are_read_beside_those_with_one() -> None:
    fields = _Fields(federates_with=["a.example", "B", "c.example"])
    assert fields.federates_with(_OWN) == (TrustDomain("a.example"), TrustDomain("c.example"))
    assert fields.reported == [("federates_with", 1)]
