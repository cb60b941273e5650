"""The bundles held: what starts them, what replaces them, and what ends them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from support.ca import TestCa
from support.clock import FakeClock
from support.federating import PARTNER, relationship

from accredit.authority.federation.bundles import FederatedBundles
from accredit.authority.federation.freshness import Origin
from accredit.authority.federation.progress import Progress
from accredit.authority.federation.relationship import Relationship
from accredit.identity.bundle import TrustBundle, encode_bundle
from accredit.identity.errors import BundleError, NotFoundError, ResponseError
from accredit.identity.spiffe_id import TrustDomain

_OTHER = TrustDomain("other.example")
_CA, _NEXT = TestCa(PARTNER), TestCa(PARTNER)
_URL = "https://partner.example/"


class Bench:
    """Bundles in a folder, opened again at will; ``told`` is what subscribers saw."""

    def __init__(self, folder: Path) -> None:
        self.bootstrap = folder / "bootstrap.json"
        self.bootstrap.write_bytes(encode_bundle(_CA.bundle(sequence=1)))
        self.bootstrap.chmod(0o600)
        self.plain = relationship(_URL)
        self.started = relationship(_URL, bootstrap_bundle=self.bootstrap)
        self.path = folder / "federation.db"
        self.told: list[Mapping[TrustDomain, TrustBundle]] = []
        self.bundles = self._open()

    def _open(self, *relationships: Relationship) -> FederatedBundles:
        bundles = FederatedBundles.open(self.path, relationships, FakeClock())
        bundles.subscribe(lambda: self.told.append(bundles.bundles))
        return bundles

    def restart(self, *relationships: Relationship) -> None:
        self.bundles.close()
        self.told.clear()
        self.bundles = self._open(*relationships)

    @property
    def held(self) -> TrustBundle | None:
        return self.bundles.bundles.get(PARTNER)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path)
    yield bench
    bench.bundles.close()


def document(ca: TestCa, sequence: int | None) -> bytes:
    return encode_bundle(ca.bundle(sequence=sequence))


@pytest.mark.rows("FC-12", "FC-13")
def test_a_bootstrap_bundle_counts_until_the_first_fetch_and_never_again(bench: Bench) -> None:
    bench.restart(bench.started)
    assert bench.held == _CA.bundle(sequence=1)
    bench.bootstrap.write_bytes(document(_NEXT, 2))
    bench.restart(bench.started)
    assert bench.held == _NEXT.bundle(sequence=2)
    bench.bundles.accept(bench.started, document(_CA, 3))
    bench.bootstrap.write_bytes(document(_NEXT, 9))
    bench.restart(bench.started)
    assert bench.held == _CA.bundle(sequence=3)


def test_a_bootstrap_bundle_that_changes_while_it_counts_is_taken(bench: Bench) -> None:
    bench.bootstrap.unlink()
    bench.restart(bench.started)
    assert bench.bundles.look_again() == []
    for ca, sequence in ((_CA, 1), (_NEXT, 2)):
        bench.bootstrap.write_bytes(document(ca, sequence))
        bench.bootstrap.chmod(0o600)
        assert bench.bundles.look_again() == [PARTNER]
        assert bench.held == ca.bundle(sequence=sequence)
        assert bench.bundles.look_again() == []
    assert len(bench.told) == 2


@pytest.mark.rows("FC-12")
def test_a_bootstrap_bundle_that_changes_later_counts_for_nothing(bench: Bench) -> None:
    bench.restart(bench.started)
    bench.bundles.accept(bench.started, document(_CA, 3))
    bench.bootstrap.write_bytes(document(_NEXT, 9))
    assert bench.bundles.look_again() == []
    assert bench.held == _CA.bundle(sequence=3)


def test_a_bootstrap_bundle_that_goes_bad_changes_nothing_and_is_logged_once(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    bench.restart(bench.started)
    bench.bootstrap.write_bytes(b"{")
    for _ in range(3):
        assert bench.bundles.look_again() == []
    assert bench.held == _CA.bundle(sequence=1)
    assert [each.message for each in caplog.records] == ["bootstrap bundle not read"]
    bench.bootstrap.write_bytes(document(_CA, 1))
    bench.bundles.look_again()
    bench.bootstrap.write_bytes(b"{")
    bench.bundles.look_again()
    assert len(caplog.records) == 2


def test_how_fetches_go_outlives_a_restart_and_ends_with_the_relationship(bench: Bench) -> None:
    bench.restart(bench.plain)
    bench.bundles.note(PARTNER, Progress(failures=2, error="away"))
    bench.bundles.note(_OTHER, Progress(failures=2, error="nobody we know"))
    bench.restart(bench.plain)
    assert bench.bundles.progress(PARTNER) == Progress(failures=2, error="away")
    bench.bundles.replace([])
    bench.restart(bench.plain)
    assert bench.bundles.progress(PARTNER) == Progress()


@pytest.mark.parametrize("content", [b"", b"{}", b"-----BEGIN CERTIFICATE-----\n", b"\xff"])
def test_a_bootstrap_bundle_that_cannot_be_used_is_logged_and_none(
    bench: Bench, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    bench.bootstrap.write_bytes(content)
    bench.restart(bench.started)
    assert bench.held is None
    [record] = caplog.records
    assert record.message == "bootstrap bundle not read"
    assert record.__dict__["path"] == str(bench.bootstrap)


def test_subscribers_are_told_of_changes_only(bench: Bench) -> None:
    bench.restart(bench.plain)
    for _ in range(2):
        assert bench.bundles.accept(bench.plain, document(_CA, 1)) == []
    assert bench.told == [{PARTNER: _CA.bundle(sequence=1)}]
    bench.bundles.replace([bench.plain])
    assert len(bench.told) == 1


@pytest.mark.rows("FC-17", "FC-29", "BE-27")
def test_a_document_is_filed_under_the_configured_name_and_apart_from_all_others(
    bench: Bench,
) -> None:
    other = relationship(_URL, trust_domain=_OTHER)
    bench.restart(bench.plain, other)
    for one in (bench.plain, other):
        bench.bundles.accept(one, document(_CA, 1))
    assert bench.bundles.bundles[PARTNER].x509_authorities == (_CA.root,)
    assert bench.bundles.bundles[_OTHER].x509_authorities == (_CA.root,)
    assert bench.bundles.bundles[_OTHER].trust_domain == _OTHER
    bench.bundles.accept(other, document(_NEXT, 2))
    assert bench.held == _CA.bundle(sequence=1)


@pytest.mark.rows("FC-26", "FC-37")
def test_what_is_refused_changes_nothing_in_memory_or_on_disk(bench: Bench) -> None:
    bench.restart(bench.plain)
    bench.bundles.accept(bench.plain, document(_CA, 7))
    bench.told.clear()
    with pytest.raises(ResponseError, match="older"):
        bench.bundles.accept(bench.plain, document(_NEXT, 6))
    with pytest.raises(BundleError, match="not JSON"):
        bench.bundles.accept(bench.plain, b"<html>")
    assert (bench.held, bench.told) == (_CA.bundle(sequence=7), [])
    bench.restart(bench.plain)
    assert bench.held == _CA.bundle(sequence=7)


@pytest.mark.rows("FC-28")
def test_an_operators_bundle_counts_until_the_next_fetch_even_an_older_one(bench: Bench) -> None:
    bench.restart(bench.plain)
    bench.bundles.accept(bench.plain, document(_CA, 7))
    bench.bundles.overwrite(_NEXT.bundle(sequence=9))
    bench.restart(bench.plain)
    assert bench.held == _NEXT.bundle(sequence=9)
    bench.bundles.accept(bench.plain, document(_CA, 1))
    assert bench.held == _CA.bundle(sequence=1)


def test_the_same_bundle_fetched_is_no_longer_the_operators(bench: Bench) -> None:
    bench.restart(bench.plain)
    bench.bundles.overwrite(_CA.bundle(sequence=7))
    bench.bundles.accept(bench.plain, document(_CA, 7))
    held = bench.bundles.held(PARTNER)
    assert held is not None
    assert held.origin is Origin.ENDPOINT
    assert len(bench.told) == 1


@pytest.mark.rows("FC-33")
def test_a_bundle_ends_with_its_relationship_and_a_new_one_begins_with_the_bootstrap_bundle(
    bench: Bench,
) -> None:
    bench.restart(bench.started)
    bench.bundles.accept(bench.started, document(_NEXT, 7))
    bench.told.clear()
    bench.bundles.replace([])
    assert bench.told == [{}]
    with pytest.raises(ResponseError, match=r"the relationship with partner\.example has ended"):
        bench.bundles.accept(bench.started, document(_NEXT, 8))
    bench.bundles.replace([bench.started])
    assert bench.held == _CA.bundle(sequence=1)


def test_a_relationship_that_ended_while_nobody_ran_leaves_nothing_either(bench: Bench) -> None:
    bench.restart(bench.plain)
    bench.bundles.accept(bench.plain, document(_CA, 7))
    bench.restart()
    assert bench.held is None
    bench.restart(bench.plain)
    assert bench.held is None


def test_a_relationship_whose_endpoint_moves_keeps_its_bundle(bench: Bench) -> None:
    bench.restart(bench.plain)
    bench.bundles.accept(bench.plain, document(_CA, 7))
    bench.bundles.replace([relationship("https://elsewhere.example/")])
    assert bench.held == _CA.bundle(sequence=7)


def test_a_bundle_that_is_forgotten_begins_with_the_bootstrap_bundle(bench: Bench) -> None:
    bench.restart(bench.started)
    bench.bundles.accept(bench.started, document(_NEXT, 7))
    bench.bundles.forget(PARTNER)
    assert bench.held == _CA.bundle(sequence=1)
    bench.restart(bench.started)
    assert bench.held == _CA.bundle(sequence=1)


def test_what_an_operator_does_is_logged(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    bench.restart(bench.plain)
    bench.bundles.overwrite(_NEXT.bundle(sequence=9))
    bench.bundles.forget(PARTNER)
    set_, deleted = caplog.records
    assert set_.message == "federated bundle set by an operator"
    assert (set_.__dict__["trust_domain"], set_.__dict__["sequence"]) == ("partner.example", 9)
    assert deleted.message == "federated bundle deleted by an operator"


def test_only_relationships_have_bundles(bench: Bench) -> None:
    with pytest.raises(NotFoundError, match=r"there is no relationship with partner\.example"):
        bench.bundles.overwrite(_CA.bundle())
    with pytest.raises(NotFoundError, match=r"there is no relationship with other\.example"):
        bench.bundles.forget(_OTHER)


def test_a_disk_in_trouble_does_not_keep_a_withdrawn_key_alive(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    """The store's place is taken by a folder: a file can neither be made nor opened there."""
    bench.restart(bench.plain)
    bench.path.mkdir()
    bench.bundles.accept(bench.plain, document(_CA, 7))
    bench.bundles.accept(bench.plain, b'{"keys": [], "spiffe_sequence": 8}')
    bench.bundles.note(PARTNER, Progress(failures=1))
    assert bench.held == TrustBundle(PARTNER, sequence=8)
    assert {each.message for each in caplog.records} == {
        "federated bundle not saved; it holds until the next restart",
        "how the fetch went is not saved; a restart will not know",
    }
    bench.path.rmdir()
