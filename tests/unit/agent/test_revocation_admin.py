"""What administrators may revoke, on a real authority."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from support.ca import TestCa
from support.clock import FakeClock
from support.embedded import SetEntries, opened
from support.entries import entry, template

from accredit.agent.admin import administrator
from accredit.agent.revocation_admin import RevocationAdministration
from accredit.authority.embedded.authority import EmbeddedAuthority
from accredit.identity.errors import (
    AuthorityUnavailableError,
    NotFoundError,
    RequestError,
    UnavailableError,
)
from accredit.identity.keys import KeyType, generate

USERS = template("/u/{unix:user}")
A, ALSO_A, B = entry("/a"), entry("/a", "unix:uid:2"), entry("/b")
KEY = generate(KeyType.EC_P256).public_key()
_HOUR = timedelta(hours=1)


class Bench:
    def __init__(self, authority: EmbeddedAuthority, entries: SetEntries, clock: FakeClock) -> None:
        self.authority, self.entries, self.clock = authority, entries, clock
        self._administration = RevocationAdministration(authority, clock)

    async def ask(self, method: str, **params: object) -> Any:
        return await self._administration.methods[f"revoke.{method}"](params)

    async def sign(self, of: Any = A) -> x509.Certificate:
        (leaf,) = await self.authority.sign_x509(of, KEY)
        return leaf


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    clock, entries = FakeClock(), SetEntries(A, ALSO_A, B)
    with opened(tmp_path, clock, entries=entries) as authority:
        yield Bench(authority, entries, clock)


def pem(leaf: x509.Certificate) -> str:
    return leaf.public_bytes(Encoding.PEM).decode()


@pytest.mark.parametrize("form", ["{:x}", "{:X}", "0x{:x}", "{:040x}", " {:x}\n"])
async def test_an_svid_is_revoked_by_its_serial_however_it_is_written(
    bench: Bench, form: str, caplog: pytest.LogCaptureFixture
) -> None:
    leaf = await bench.sign()
    token = administrator.set(1234)
    with caplog.at_level(logging.INFO):
        answer = await bench.ask("svid", serial=form.format(leaf.serial_number))
    administrator.reset(token)
    [svid] = answer["revoked"]
    assert (svid["spiffe_id"], svid["entry_id"]) == (str(A.spiffe_id), A.entry_id)
    assert bench.authority.revoked == {leaf.serial_number}
    [record] = caplog.records
    assert record.getMessage() == "svid revoked"
    assert record.__dict__["serial"] == f"{leaf.serial_number:x}"
    assert record.__dict__["by_uid"] == 1234


async def test_colons_between_the_digits_are_taken_too(bench: Bench) -> None:
    leaf = await bench.sign()
    digits = leaf.serial_number.to_bytes(20, "big").hex(":")
    assert len((await bench.ask("svid", serial=digits))["revoked"]) == 1


async def test_or_by_the_certificate_even_when_its_serial_was_forgotten(bench: Bench) -> None:
    leaf = await bench.sign()
    await asyncio.sleep(0)  # now it is written down
    bench.authority.revocations._store._database.execute("DELETE FROM issued")
    answer = await bench.ask("svid", certificate=pem(leaf))
    [svid] = answer["revoked"]
    assert (svid["spiffe_id"], svid["entry_id"]) == (str(A.spiffe_id), "")
    assert bench.authority.revoked == {leaf.serial_number}


async def test_what_was_revoked_before_is_said_to_be(bench: Bench) -> None:
    leaf = await bench.sign()
    await bench.ask("svid", certificate=pem(leaf))
    answer = await bench.ask("svid", certificate=pem(leaf))
    assert (answer["revoked"], len(answer["revoked_before"])) == ([], 1)


async def test_one_that_has_ended_cannot_be_revoked(bench: Bench) -> None:
    leaf = await bench.sign()
    bench.clock.advance(2 * _HOUR)
    with pytest.raises(RequestError, match=r"the SVID ended at 2026-01-01T01:00:00Z"):
        await bench.ask("svid", certificate=pem(leaf))


@pytest.mark.parametrize(
    ("params", "error", "message"),
    [
        ({"serial": "abc"}, NotFoundError, "no SVID with serial abc is known.*--file"),
        ({"serial": "12 34 x"}, RequestError, "is not a serial number in hexadecimal digits"),
        ({"serial": ""}, RequestError, "is not a serial number in hexadecimal digits"),
        ({}, RequestError, "is not a serial number in hexadecimal digits"),
        ({"serial": "f" * 41}, RequestError, "is not a serial number in hexadecimal digits"),
        ({"certificate": "x"}, RequestError, "no certificate in PEM was found"),
        ({"certificate": 7}, RequestError, "no certificate in PEM was found"),
        (
            {
                "certificate": TestCa("prod.example")
                .svid("spiffe://prod.example/a")
                .chain_pem.decode()
            },
            RequestError,
            "no root that is trusted here",
        ),
    ],
)
async def test_what_cannot_be_revoked_is_refused_in_words(
    bench: Bench, params: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        await bench.ask("svid", **params)
    assert not bench.authority.revoked


async def test_an_entry_is_revoked_by_its_id_and_others_of_that_spiffe_id_are_not(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    leaf, other = await bench.sign(), await bench.sign(ALSO_A)
    with caplog.at_level(logging.INFO):
        answer = await bench.ask("entry", name=A.entry_id)
    assert answer["entries"] == [A.entry_id]
    assert [each["serial"] for each in answer["revoked"]] == [f"{leaf.serial_number:x}"]
    assert list(bench.authority.entries) == [ALSO_A, B]
    assert other.serial_number not in bench.authority.revoked
    assert [record.getMessage() for record in caplog.records] == ["entry revoked", "svid revoked"]


@pytest.mark.parametrize("name", ["/a", "spiffe://prod.example/a"])
async def test_by_a_name_all_entries_of_that_name_are(bench: Bench, name: str) -> None:
    await bench.sign()
    await bench.sign(ALSO_A)
    answer = await bench.ask("entry", name=name)
    assert (answer["entries"], len(answer["revoked"])) == ([A.entry_id, ALSO_A.entry_id], 2)
    assert list(bench.authority.entries) == [B]
    lifted = await bench.ask("lift", name=name)
    assert lifted == {"entries": [A.entry_id, ALSO_A.entry_id]}
    assert len(bench.authority.entries) == 3


async def test_an_entry_that_is_not_there_is_named(bench: Bench) -> None:
    with pytest.raises(RequestError, match="no entry has '/c' as its id, SPIFFE ID or path"):
        await bench.ask("entry", name="/c")
    with pytest.raises(NotFoundError, match="no revoked entry has '/a' as its id, SPIFFE ID"):
        await bench.ask("lift", name="/a")


async def test_an_entry_that_left_the_files_may_still_be_lifted(bench: Bench) -> None:
    await bench.ask("entry", name=B.entry_id)
    bench.entries.set(A)
    [shown] = (await bench.ask("list"))["entries"]
    assert (shown["entry_id"], shown["declared"]) == (B.entry_id, False)
    await bench.ask("lift", name=B.entry_id)
    assert (await bench.ask("list"))["entries"] == []


async def test_everything_revoked_is_listed_with_the_lists_that_say_so(bench: Bench) -> None:
    empty = await bench.ask("list")
    assert (empty["entries"], empty["svids"], empty["crls"]) == ([], [], [])
    leaf = await bench.sign()
    await bench.ask("entry", name=A.entry_id)
    found = await bench.ask("list")
    [svid], [crl] = found["svids"], found["crls"]
    assert (svid["serial"], crl["revoked"]) == (f"{leaf.serial_number:x}", 1)
    assert crl["next_update"] > crl["replaced_at"] > svid["since"]


async def test_the_lists_are_printed_in_pem_if_there_are_any(bench: Bench) -> None:
    with pytest.raises(UnavailableError, match=r"nothing is revoked.*always_crl is true"):
        await bench.ask("crl")
    leaf = await bench.sign()
    await bench.ask("svid", certificate=pem(leaf))
    crl = x509.load_pem_x509_crl((await bench.ask("crl")).encode())
    assert [each.serial_number for each in crl] == [leaf.serial_number]


async def test_one_instance_of_a_template_is_revoked_by_its_path_and_lifted(bench: Bench) -> None:
    bench.entries.set(USERS)
    ana, bob = USERS.instance(("ana",)), USERS.instance(("bob",))
    assert ana is not None
    assert bob is not None
    leaf, other = await bench.sign(ana), await bench.sign(bob)
    answer = await bench.ask("entry", name="/u/ana")
    assert answer["entries"] == [ana.entry_id]
    assert bench.authority.revoked == {leaf.serial_number}
    assert bench.authority.entries.current(ana) is None
    assert bench.authority.entries.current(bob) == bob
    with pytest.raises(AuthorityUnavailableError, match="/u/ana is revoked"):
        await bench.sign(ana)
    await bench.ask("lift", name="spiffe://prod.example/u/ana")
    assert bench.authority.entries.current(ana) == ana
    assert other.serial_number not in bench.authority.revoked


async def test_a_template_is_revoked_with_the_svids_of_all_its_instances(bench: Bench) -> None:
    bench.entries.set(USERS, A)
    instances = [USERS.instance((name,)) for name in ("ana", "bob")]
    leaves = [await bench.sign(each) for each in instances]
    await bench.sign(A)
    answer = await bench.ask("entry", name="/u/{unix:user}")
    assert answer["entries"] == [USERS.entry_id]
    assert bench.authority.revoked == {leaf.serial_number for leaf in leaves}
    assert list(bench.authority.entries) == [A]
    with pytest.raises(AuthorityUnavailableError, match="/u/ana is revoked"):
        await bench.sign(instances[0])


async def test_a_revoked_id_that_was_written_out_is_signed_for_no_template(bench: Bench) -> None:
    written, ana = entry("/u/ana", "unix:uid:7"), USERS.instance(("ana",))
    bench.entries.set(written, USERS)
    await bench.ask("entry", name=written.entry_id)
    with pytest.raises(AuthorityUnavailableError, match="/u/ana is revoked"):
        await bench.sign(ana)
    # Another entry with other selectors is the operator's own word again.
    await bench.sign(entry("/u/ana", "unix:uid:8"))


@pytest.mark.parametrize("name", ["/a", str(A.spiffe_id), A.entry_id])
async def test_an_entry_that_has_left_the_files_is_revoked_with_its_svids(
    bench: Bench, name: str
) -> None:
    leaf = await bench.sign()
    bench.entries.set(B)
    answer = await bench.ask("entry", name=name)
    assert answer["entries"] == [A.entry_id]
    assert leaf.serial_number in bench.authority.revoked
    bench.entries.set(A, B)
    assert list(bench.authority.entries) == [B]


async def test_an_id_is_revoked_with_the_svids_of_every_entry_that_ever_gave_it(
    bench: Bench,
) -> None:
    now_another = entry("/a", "unix:uid:3")
    stolen, of_template = await bench.sign(), await bench.sign(USERS.instance(["eve"]))
    bench.entries.set(now_another, entry("/u/eve"), USERS)
    await bench.sign(now_another)
    assert len((await bench.ask("entry", name="/a"))["revoked"]) == 2
    assert len((await bench.ask("entry", name="/u/eve"))["revoked"]) == 1
    assert {each.serial_number for each in (stolen, of_template)} < set(bench.authority.revoked)
